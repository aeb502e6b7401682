// SPDX-License-Identifier: MIT
#include "style_loader.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace adainstyle::gst {

namespace {

// Frames go first where the cores are few. On Linux 0 means the calling thread; the threads that it starts inherit it. Where it is
// refused, loading keeps the priority it has.
constexpr int kNiceness = 5;
void yield_to_frames() { static_cast<void>(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + kNiceness)); }

}  // namespace

StyleLoader::StyleLoader(std::function<void(const StyleRequest&)> load) : load_(std::move(load)), thread_([this] { run(); }) {}

StyleLoader::~StyleLoader() {
  {
    const std::lock_guard guard(lock_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void StyleLoader::request(StyleRequest request) {
  {
    const std::lock_guard guard(lock_);
    if (request.name.empty()) {
      std::optional<StyleRequest>& waiting = pending_[static_cast<int>(request.target)];
      waiting = std::move(request);
    } else {
      const auto same =
          std::find_if(named_.begin(), named_.end(), [&](const StyleRequest& other) { return other.name == request.name; });
      if (same != named_.end()) named_.erase(same);
      named_.push_back(std::move(request));
    }
  }
  changed_.notify_one();
}

void StyleLoader::run() {
  yield_to_frames();
  std::unique_lock guard(lock_);
  while (true) {
    const auto next = [this] {
      return std::find_if(pending_.begin(), pending_.end(), [](const auto& waiting) { return waiting.has_value(); });
    };
    changed_.wait(guard, [&] { return stopping_ || next() != pending_.end() || !named_.empty(); });
    if (stopping_) return;
    StyleRequest request;
    if (const auto waiting = next(); waiting != pending_.end()) {
      request = std::move(**waiting);
      waiting->reset();
    } else {
      request = std::move(named_.front());
      named_.pop_front();
    }
    guard.unlock();
    load_(request);
    guard.lock();
  }
}

}  // namespace adainstyle::gst
