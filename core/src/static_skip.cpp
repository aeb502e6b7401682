// SPDX-License-Identifier: MIT
#include "static_skip.h"

#include <algorithm>
#include <cstddef>

namespace adainstyle {
namespace {

// What a part of a frame measures is a multiple of this, in pixels, so that the engine seldom lays out its buffers anew.
constexpr int kPartQuantum = 16;
// What a part costs beside its pixels, as pixels.
constexpr double kPartCost = 4096.0;
// Parts that are together a larger share of the canvas are not worth the trouble.
constexpr double kLargestParts = 0.9;
constexpr std::int64_t kWholeFrameEvery = 1'000'000'000;  // ns

double area(const Region& region) { return static_cast<double>(region.width) * region.height; }

Region around(const Region& a, const Region& b) {
  const int x = std::min(a.x, b.x);
  const int y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x, std::max(a.y + a.height, b.y + b.height) - y};
}

}  // namespace

bool StaticSkip::is_due(std::int64_t time_ns) const {
  return !last_whole_time_ || time_ns < *last_whole_time_ || time_ns - *last_whole_time_ >= kWholeFrameEvery;
}

// Joins two rectangles at a time, those that save most, until no two are cheaper together.
std::optional<std::vector<StaticSkip::Part>> StaticSkip::parts(std::vector<Region> moving, const Region& canvas, int frame_width,
                                                               int frame_height) const {
  const auto cost = [&](const Region& region) { return area(widened(region, frame_width, frame_height)) + kPartCost; };
  double least = 0.0;
  std::vector<double> costs;
  for (const Region& region : moving) {
    least += area(region);
    costs.push_back(cost(region));
  }
  if (least > kLargestParts * area(canvas)) return std::nullopt;
  while (moving.size() > 1) {
    double best = 0.0;
    std::size_t first = 0, second = 0;
    for (std::size_t i = 0; i < moving.size(); ++i) {
      for (std::size_t j = i + 1; j < moving.size(); ++j) {
        const double saved = costs[i] + costs[j] - cost(around(moving[i], moving[j]));
        if (saved <= best) continue;
        best = saved;
        first = i;
        second = j;
      }
    }
    if (second == 0) break;
    moving[first] = around(moving[first], moving[second]);
    costs[first] = cost(moving[first]);
    moving.erase(moving.begin() + static_cast<std::ptrdiff_t>(second));
    costs.erase(costs.begin() + static_cast<std::ptrdiff_t>(second));
  }
  double sum = 0.0;
  for (const double part : costs) sum += part;
  if (sum > kLargestParts * area(canvas)) return std::nullopt;
  std::vector<Part> parts;
  for (const Region& region : moving) parts.push_back({region, widened(region, frame_width, frame_height)});
  return parts;
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
