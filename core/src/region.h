// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>

namespace adainstyle {

// A rectangle of pixels; empty where it has no width.
struct Region {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  bool operator==(const Region& other) const {
    return x == other.x && y == other.y && width == other.width && height == other.height;
  }
};

// What two rectangles share.
inline Region intersection(const Region& a, const Region& b) {
  const int x = std::max(a.x, b.x);
  const int y = std::max(a.y, b.y);
  const int width = std::min(a.x + a.width, b.x + b.width) - x;
  const int height = std::min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? Region{x, y, width, height} : Region{};
}

}  // namespace adainstyle
