// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>

#include <gst/gst.h>

namespace adainstyle::gst {

// Follows how long frames take, and decides what the element answers to a LATENCY query. A live sink drops what arrives later
// than the pipeline's latency allows, so the answer must cover the processing; but each change makes the pipeline ask all
// elements anew, so the answer changes only when the measurement has moved clearly.
class LatencyMeter {
 public:
  // Forgets all; the answer is 0 until enough frames were measured.
  void reset();

  // Measures afresh, for instance after a change of the frame size. The answer stays until there is a new one.
  void restart();

  // Takes the time that one frame took. Returns whether the answer changed, which the element must then announce.
  bool add(GstClockTime elapsed);

  // The answer: mean over the last frames plus headroom. May be asked for on any thread.
  GstClockTime latency() const { return latency_.load(); }

 private:
  static constexpr std::size_t kWindow = 32;  // frames

  std::array<GstClockTime, kWindow> times_ = {};
  std::size_t count_ = 0;  // frames since the last restart
  std::atomic<GstClockTime> latency_ = 0;
};

}  // namespace adainstyle::gst
