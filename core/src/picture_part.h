// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "adainstyle/image.h"
#include "region.h"

namespace adainstyle {

// A rectangle of a packed picture, in its memory.
template <typename Byte>
BasicImageView<Byte> part_of(const BasicImageView<Byte>& image, const Region& region) {
  BasicImageView<Byte> part = image;
  part.width = region.width;
  part.height = region.height;
  part.planes[0] += region.y * image.strides[0] + static_cast<std::ptrdiff_t>(region.x) * pixel_layout(image.format).bytes;
  return part;
}

// Two packed pictures of the same format and size.
inline void copy_pixels(const ImageView& from, const MutableImageView& to) {
  const std::size_t bytes = static_cast<std::size_t>(from.width) * pixel_layout(from.format).bytes;
  for (int y = 0; y < from.height; ++y) std::memcpy(to.planes[0] + y * to.strides[0], from.planes[0] + y * from.strides[0], bytes);
}

// What the engine does with every pixel it paints, for those that it does not.
inline void copy_alpha(const ImageView& input, const MutableImageView& output) {
  const PixelLayout from = pixel_layout(input.format);
  const PixelLayout to = pixel_layout(output.format);
  if (to.alpha < 0) return;
  const bool copies = from.has_alpha && to.has_alpha;
  for (int y = 0; y < output.height; ++y) {
    const std::uint8_t* source = input.planes[0] + y * input.strides[0];
    std::uint8_t* pixel = output.planes[0] + y * output.strides[0];
    for (int x = 0; x < output.width; ++x, source += from.bytes, pixel += to.bytes) {
      pixel[to.alpha] = copies ? source[from.alpha] : std::uint8_t{255};
    }
  }
}

}  // namespace adainstyle
