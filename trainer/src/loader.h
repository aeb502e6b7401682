// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

#include "dataset.h"

namespace adainstyle {

// The pictures of one iteration (of this process's part of it).
struct Batch {
  std::vector<CropChoice> content_choices, style_choices;
  at::Tensor content;  // uint8 [N, 3, crop, crop]
  at::Tensor style;    // uint8 [N, 3, crop, crop]
  at::Tensor noise;  // float32 [M, 3, crop, crop], one for every second sample of the training; undefined: not asked for, or M is 0
};

// Decodes the batches of coming iterations in worker threads, a few ahead.
class Loader {
 public:
  // Of every iteration's `batch * parts` samples this loader makes those of part `part` (one process of several). With a seed it
  // also makes noise for the loss of that name.
  Loader(Dataset* content, Dataset* style, int batch, int part, int parts, int workers,
         std::optional<std::uint64_t> noise_seed = std::nullopt);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The batch of iteration `iteration`. Fastest when iterations are asked for in order; any other jump starts anew.
  Batch get(std::uint64_t iteration);

 private:
  Batch make(std::uint64_t iteration);
  void work();

  Dataset* content_;
  Dataset* style_;
  const int batch_, part_, parts_;
  const std::optional<std::uint64_t> noise_seed_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<Batch()>> tasks_;
  bool stop_ = false;
  std::deque<std::future<Batch>> pending_;  // batches of next_ - pending_.size() .. next_ - 1
  std::uint64_t next_ = 0;
  std::vector<std::thread> workers_;
};

}  // namespace adainstyle
