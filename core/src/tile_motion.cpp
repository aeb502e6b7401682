// SPDX-License-Identifier: MIT
#include "tile_motion.h"

#include <algorithm>
#include <cstddef>

namespace adainstyle {
namespace {

// Noise of 2 levels in each colour makes a mean absolute difference of 1.1 between two frames: the least limit, in levels of 255.
constexpr float kLeastLimit = 1.9f;
// A tile is still below this many times what the quietest quarter of the tiles shows, whose change is that of the worst of four
// quarters of 16 pixels. More than the second is no sensor's noise.
constexpr float kTimesNoise = 1.9f;
constexpr float kLargestLimit = 3.5f;
// A patch of at most so many tiles is noise where none changes by this many times the limit.
constexpr std::size_t kLargestPatch = 32;
constexpr float kClearly = 2.0f;

constexpr int kLeastCell = 8;  // tiles a side of the grid that boxes are cut along
constexpr int kMostCells = 12;

// Calls `visit` for a tile's index and those of the tiles beside it.
template <typename Visit>
void visit_neighbourhood(int tile, int columns, int rows, const Visit& visit) {
  const int x = tile % columns;
  const int y = tile / columns;
  for (int v = std::max(y - 1, 0); v <= std::min(y + 1, rows - 1); ++v) {
    for (int u = std::max(x - 1, 0); u <= std::min(x + 1, columns - 1); ++u) visit(v * columns + u);
  }
}

}  // namespace

float still_limit(const std::vector<float>& changes, std::vector<float>& scratch) {
  scratch = changes;
  const auto quarter = scratch.begin() + static_cast<std::ptrdiff_t>(scratch.size() / 4);
  std::nth_element(scratch.begin(), quarter, scratch.end());
  return std::clamp(kTimesNoise * *quarter, kLeastLimit, kLargestLimit);
}

void forget_noise(std::vector<float>& changes, int columns, float limit) {
  const int tiles = static_cast<int>(changes.size());
  std::vector<std::uint8_t> seen(changes.size(), 0);
  std::vector<int> patch;
  for (int first = 0; first < tiles; ++first) {
    if (seen[first] || changes[first] < limit) continue;
    patch.assign(1, first);
    seen[first] = 1;
    float largest = 0.0f;
    for (std::size_t i = 0; i < patch.size(); ++i) {  // which grows
      largest = std::max(largest, changes[patch[i]]);
      visit_neighbourhood(patch[i], columns, tiles / columns, [&](int tile) {
        if (seen[tile] || changes[tile] < limit) return;
        seen[tile] = 1;
        patch.push_back(tile);
      });
    }
    if (patch.size() > kLargestPatch || largest >= kClearly * limit) continue;
    for (const int tile : patch) changes[tile] = 0.0f;
  }
}

std::vector<Region> moving_boxes(const std::vector<std::uint8_t>& moves, int columns) {
  const int rows = static_cast<int>(moves.size()) / columns;
  const int cell = std::max(kLeastCell, (std::max(columns, rows) + kMostCells - 1) / kMostCells);
  std::vector<Region> boxes;
  for (int top = 0; top < rows; top += cell) {
    for (int left = 0; left < columns; left += cell) {
      const int bottom = std::min(top + cell, rows);
      const int right = std::min(left + cell, columns);
      int x0 = right, x1 = left, y0 = bottom, y1 = top;
      // From one tile outside of the cell on: a tile that moves takes the tiles beside it along.
      for (int y = std::max(top - 1, 0); y < std::min(bottom + 1, rows); ++y) {
        for (int x = std::max(left - 1, 0); x < std::min(right + 1, columns); ++x) {
          if (!moves[static_cast<std::size_t>(y) * columns + x]) continue;
          x0 = std::min(x0, x - 1);
          x1 = std::max(x1, x + 2);
          y0 = std::min(y0, y - 1);
          y1 = std::max(y1, y + 2);
        }
      }
      const Region box = intersection({x0, y0, x1 - x0, y1 - y0}, {left, top, right - left, bottom - top});
      if (box.width > 0) boxes.push_back(box);
    }
  }
  return boxes;
}

}  // namespace adainstyle
