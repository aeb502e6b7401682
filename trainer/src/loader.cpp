// SPDX-License-Identifier: MIT
#include "loader.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include "augment.h"

namespace adainstyle {
namespace {

constexpr std::size_t kAhead = 6;  // batches

}  // namespace

Loader::Loader(Dataset* content, Dataset* style, int batch, int part, int parts, int workers,
               std::optional<std::uint64_t> noise_seed)
    : content_(content), style_(style), batch_(batch), part_(part), parts_(parts), noise_seed_(noise_seed) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

Loader::~Loader() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    tasks_.clear();
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

Batch Loader::get(std::uint64_t iteration) {
  if (pending_.empty() || next_ - pending_.size() != iteration) {
    pending_.clear();
    next_ = iteration;
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (pending_.size() < kAhead) {
      const std::uint64_t n = next_++;
      tasks_.emplace_back([this, n] { return make(n); });
      pending_.push_back(tasks_.back().get_future());
    }
  }
  wake_.notify_all();
  std::future<Batch> first = std::move(pending_.front());
  pending_.pop_front();
  return first.get();
}

Batch Loader::make(std::uint64_t iteration) {
  Batch batch;
  std::vector<at::Tensor> content, style, noise;
  for (int i = 0; i < batch_; ++i) {
    const std::uint64_t sample = (iteration * parts_ + part_) * batch_ + i;
    batch.content_choices.push_back(content_->choose(sample));
    batch.style_choices.push_back(style_->choose(sample));
    content.push_back(content_->crop(batch.content_choices.back()));
    style.push_back(style_->crop(batch.style_choices.back()));
    if (noise_seed_.has_value() && sample % 2 == 0) {
      const std::uint64_t label = mix({*noise_seed_, static_cast<std::uint64_t>(Purpose::kNoise), sample});
      noise.push_back(gaussian_noise(content.back().unsqueeze(0), kNoiseSigma, label));
    }
  }
  batch.content = at::stack(content);
  batch.style = at::stack(style);
  if (!noise.empty()) batch.noise = at::cat(noise);
  return batch;
}

void Loader::work() {
  for (;;) {
    std::packaged_task<Batch()> task;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
      if (stop_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace adainstyle
