// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "adainstyle/image.h"

namespace adainstyle {

// Whole lines of what load_yuv and store_yuv_block (yuv.h) do pixel by pixel, to the bit, in loops that the compiler vectorises.

// A line of colours: pixel x at red[x * step] and so on.
template <typename Byte>
struct ColorLine {
  Byte* red;
  Byte* green;
  Byte* blue;
  int step;
};

// Line y of a YUV picture. The colours lie in a buffer of the calling thread; they stay until its next call.
ColorLine<const std::uint8_t> decode_yuv_line(const ImageView& picture, int y);

// Writes lines 2 * y and 2 * y + 1 of a YUV picture and the chroma that they share. lines: both, step 1; where the picture ends with
// the first, the second is not read.
void encode_yuv_lines(const ColorLine<const std::uint8_t> (&lines)[2], int y, const MutableImageView& picture);

}  // namespace adainstyle
