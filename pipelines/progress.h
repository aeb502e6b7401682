// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

// How far a clip has come. frame_done() may be called from any thread, the rest from one.
class Progress {
 public:
  // A frame that ends at `position_ns` of the clip is done.
  void frame_done(std::int64_t position_ns);

  // Prints a line on standard error: in place and often on a terminal, else a line every few seconds.
  // duration_ns: the clip's, 0 where it is unknown.
  void show(std::int64_t duration_ns);

  // Clears the line that show() left on a terminal.
  void clear() const;

  std::int64_t frames() const { return frames_; }
  std::int64_t position_ns() const { return position_ns_; }

  // Seconds from the first frame to the last one.
  double seconds() const;

  // Frames a second from the first frame on; the time before it (loading, compiling) does not count. 0 before two frames.
  double frames_a_second() const;

 private:
  using Clock = std::chrono::steady_clock;

  std::atomic<std::int64_t> frames_{0};
  std::atomic<std::int64_t> position_ns_{0};
  std::atomic<Clock::time_point> first_frame_{};
  std::atomic<Clock::time_point> last_frame_{};
  Clock::time_point last_shown_ = Clock::now();
};
