// SPDX-License-Identifier: MIT
#include "static_skip.h"

#include <algorithm>

namespace adainstyle {
namespace {

// What a part of a frame measures is a multiple of the first, so that the engine's buffers seldom change; a part
// larger than the second share is not worth the trouble; the statistics of a frame serve for the third at the longest.
constexpr int kPartQuantum = 64;
constexpr double kLargestPart = 0.7;
constexpr std::int64_t kWholeFrameEvery = 1'000'000'000;

}  // namespace

Region StaticSkip::part_to_paint(const Stabilizer& stabilizer, const Region& canvas, const Region& seen, int frame_width,
                                 int frame_height, std::int64_t time_ns) const {
  const bool due = time_ns < last_whole_time_ || time_ns - last_whole_time_ >= kWholeFrameEvery;
  if (due || !stabilizer.has_history()) return canvas;
  const Region moving = intersection(stabilizer.moving_region(), seen);
  if (moving.width == 0) return {};
  const Region part = widened(moving, frame_width, frame_height);
  const bool worth_it = static_cast<double>(part.width) * part.height < kLargestPart * canvas.width * canvas.height;
  return worth_it ? part : canvas;
}

Region StaticSkip::widened(const Region& region, int frame_width, int frame_height) const {
  Region wide;
  const auto widen = [this](int at, int size, int limit, int& begin, int& length) {
    begin = std::max(at - radius_, 0) / stride_ * stride_;
    length = (at + size + radius_ - begin + kPartQuantum - 1) / kPartQuantum * kPartQuantum;
    if (begin + length <= limit) return;
    begin = std::max(limit - length, 0) / stride_ * stride_;
    length = limit - begin;
  };
  widen(region.x, region.width, frame_width, wide.x, wide.width);
  widen(region.y, region.height, frame_height, wide.y, wide.height);
  return wide;
}

}  // namespace adainstyle
