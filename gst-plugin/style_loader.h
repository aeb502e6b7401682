// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace adainstyle::gst {

// A style picture to load.
struct StyleRequest {
  std::string path;    // empty: none was named
  int style_size = 0;  // short side in pixels; 0: as the picture is

  bool operator==(const StyleRequest& other) const { return path == other.path && style_size == other.style_size; }
};

// Loads styles on a thread of its own, so that neither a property setter nor the streaming thread ever waits for one. Requests do
// not queue up: one that arrives while a style is being loaded replaces any that is still waiting, so the last one always wins.
class StyleLoader {
 public:
  // `load` is called on the loader's thread, one request at a time. It must not throw.
  explicit StyleLoader(std::function<void(const StyleRequest&)> load);

  // Waits for the load in progress, and drops the request that waits.
  ~StyleLoader();
  StyleLoader(const StyleLoader&) = delete;
  StyleLoader& operator=(const StyleLoader&) = delete;

  // Returns at once; may be called from any thread.
  void request(StyleRequest request);

 private:
  void run();

  const std::function<void(const StyleRequest&)> load_;
  std::mutex lock_;  // guards pending_ and stopping_
  std::condition_variable changed_;
  std::optional<StyleRequest> pending_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace adainstyle::gst
