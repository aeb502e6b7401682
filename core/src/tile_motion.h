// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "region.h"

namespace adainstyle {

// Note [Noise and motion]
// What changes from frame to frame in front of a still camera is noise or motion. A sensor's noise is everywhere and alike, so that
// the quietest quarter of the tiles tells how much of it there is. A video encoder's is not: it refreshes blocks here and there. Such
// a patch is small and changes little in all of its tiles, while a thing that moves has tiles, its edges, that change much, beside
// those that change little. So tiles that change are taken in patches that touch, and a small patch without one tile that changes
// clearly is noise (thresholds with hysteresis, as in Canny, "A computational approach to edge detection", 1986). What moves so
// slowly, or so faintly, that it passes for noise adds up until it does not, because tiles are compared with what is held.

// Mean absolute difference, in levels of 255, below which a tile is still. changes: of each tile. scratch: memory that is kept.
float still_limit(const std::vector<float>& changes, std::vector<float>& scratch);

// Sets the changes of small patches of tiles that are noise to zero. changes: rows of `columns` tiles.
void forget_noise(std::vector<float>& changes, int columns, float limit);

// Rectangles, in tiles, that together hold every tile that moves and the tiles beside it; at most some hundred of them, none across
// the borders of a grid of 8 x 8 tiles or more. moves: rows of `columns` tiles, 0 for a tile that is still.
std::vector<Region> moving_boxes(const std::vector<std::uint8_t>& moves, int columns);

}  // namespace adainstyle
