// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace adainstyle::gst {

// The pictures a style is made of.
struct StyleSource {
  std::vector<std::string> paths;  // empty: none was named
  int style_size = 0;              // short side in pixels; 0: as the picture is

  bool operator==(const StyleSource& other) const { return paths == other.paths && style_size == other.style_size; }
  bool operator!=(const StyleSource& other) const { return !(*this == other); }
};

// What a picture is loaded for: the style of the frames, the style outside of the mask, or the mask.
enum class StyleTarget { kFrame, kOutside, kMask };
constexpr int kStyleTargets = 3;

// Something to load.
struct StyleRequest {
  StyleSource source;
  std::string name;          // what to keep it under for later; empty: it is to be used at once
  bool automatic = false;    // nobody asked for it: only the frames' colours have moved
  std::uint64_t number = 0;  // counts all requests and switches, so that an older one never replaces a newer one
  StyleTarget target = StyleTarget::kFrame;
};

// Loads styles on a thread of its own, so that neither a property setter nor the streaming thread ever waits for one. Styles to be
// used at once do not queue up: one that arrives while another is being loaded replaces any of the same target that is still waiting,
// so the last one always wins. Styles to be kept under a name wait their turn.
class StyleLoader {
 public:
  // `load` is called on the loader's thread, one request at a time. It must not throw.
  explicit StyleLoader(std::function<void(const StyleRequest&)> load);

  // Waits for the load in progress, and drops the requests that wait.
  ~StyleLoader();
  StyleLoader(const StyleLoader&) = delete;
  StyleLoader& operator=(const StyleLoader&) = delete;

  // Returns at once; may be called from any thread.
  void request(StyleRequest request);

 private:
  void run();

  const std::function<void(const StyleRequest&)> load_;
  std::mutex lock_;  // guards pending_, named_ and stopping_
  std::condition_variable changed_;
  std::array<std::optional<StyleRequest>, kStyleTargets> pending_;  // by target; they go before the named ones
  std::deque<StyleRequest> named_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace adainstyle::gst
