// SPDX-License-Identifier: MIT
#include "latency.h"

#include <algorithm>
#include <numeric>

namespace adainstyle::gst {
namespace {

// The first frames of a size allocate buffers and pick kernels: they say nothing about the later ones.
constexpr std::size_t kWarmUpFrames = 2;
constexpr std::size_t kLeastFrames = 4;

constexpr double kHeadroom = 1.05;
constexpr double kLeastRelativeMove = 0.25;
constexpr GstClockTime kLeastMove = GST_MSECOND;  // what a scheduler's whim can add to a fast frame

}  // namespace

void LatencyMeter::reset() {
  restart();
  latency_ = 0;
}

void LatencyMeter::restart() { count_ = 0; }

bool LatencyMeter::add(GstClockTime elapsed) {
  if (++count_ <= kWarmUpFrames) return false;
  const std::size_t measured = count_ - kWarmUpFrames;
  times_[(measured - 1) % kWindow] = elapsed;
  if (measured < kLeastFrames) return false;

  const std::size_t used = std::min(measured, kWindow);
  const GstClockTime sum = std::accumulate(times_.begin(), times_.begin() + used, GstClockTime{0});
  const auto wanted = static_cast<GstClockTime>(kHeadroom * static_cast<double>(sum) / static_cast<double>(used));

  const GstClockTime current = latency_;
  const GstClockTime move = wanted > current ? wanted - current : current - wanted;
  if (move < kLeastMove || static_cast<double>(move) <= kLeastRelativeMove * static_cast<double>(current)) return false;
  latency_ = wanted;
  return true;
}

}  // namespace adainstyle::gst
