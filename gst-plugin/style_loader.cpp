// SPDX-License-Identifier: MIT
#include "style_loader.h"

#include <utility>

namespace adainstyle::gst {

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
    pending_ = std::move(request);
  }
  changed_.notify_one();
}

void StyleLoader::run() {
  std::unique_lock guard(lock_);
  while (true) {
    changed_.wait(guard, [this] { return stopping_ || pending_.has_value(); });
    if (stopping_) return;
    const StyleRequest request = std::move(*pending_);
    pending_.reset();
    guard.unlock();
    load_(request);
    guard.lock();
  }
}

}  // namespace adainstyle::gst
