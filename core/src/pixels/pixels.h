// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "adainstyle/image.h"

namespace adainstyle {

// Between pictures and feature rows, on the CPU.
//
// Note [Pixel blocks]
// A feature pixel holds a block of block x block picture pixels (pixel-unshuffle): channel c * block^2 + dy * block + dx, c in the
// order red, green, blue. block is 1 or 2. Outside the picture lies its reflection.

// Reads row `y` of feature pixels as integers 0..255 in bf16. `width`: feature pixels; `channels`: from one feature pixel to the
// next, at least 3 * block^2, the rest set to zero.
void read_row_bf16(const ImageView& picture, int block, int y, int width, int channels, std::uint16_t* row);

// The same as float32.
void read_row_float(const ImageView& picture, int block, int y, int width, int channels, float* row);

// Writes `count` feature pixels (0..1, clamped) from feature pixel (x, y) on into the picture; what lies outside of the picture is
// dropped. `channels`: from one feature pixel to the next. `source` gives alpha (store_pixel). A YUV picture's lines are written when
// end_row() is told that a pair of them is whole: one thread writes all of a row, and rows 2 * n and 2 * n + 1 one after the other.
void write_row(const float* row, int channels, int block, int x, int y, int count, const ImageView& source,
               const MutableImageView& picture);
void end_row(int block, int y, const MutableImageView& picture);

// The same picture in another format. Alpha becomes opaque.
void convert_picture(const ImageView& from, const MutableImageView& to, int threads);

}  // namespace adainstyle
