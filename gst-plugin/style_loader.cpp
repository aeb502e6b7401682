// SPDX-License-Identifier: MIT
#include "style_loader.h"

#include <algorithm>
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
    if (request.name.empty()) {
      pending_ = std::move(request);
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
  std::unique_lock guard(lock_);
  while (true) {
    changed_.wait(guard, [this] { return stopping_ || pending_.has_value() || !named_.empty(); });
    if (stopping_) return;
    StyleRequest request;
    if (pending_) {
      request = std::move(*pending_);
      pending_.reset();
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
