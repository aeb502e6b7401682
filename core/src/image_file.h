// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adainstyle/image.h"

namespace adainstyle {

// A decoded picture, RGB, rows packed.
struct DecodedImage {
  int width = 0;                  // pixels
  int height = 0;                 // pixels
  std::vector<std::uint8_t> rgb;  // height * width * 3

  ImageView view() const;
};

// A picture file may declare any size; more pixels than this are refused before they are decoded.
constexpr std::int64_t kMaxImagePixels = 100'000'000;

// Reads a picture with gdk-pixbuf, applies its EXIF orientation and lays transparent parts over white. With short_side > 0 the
// picture is resized so that its short side has that many pixels (area/bilinear; aspect kept, but a long side of more than 16
// times the short one is squeezed to that); 0: as it is. Throws Error(kNotFound), Error(kUnreadable), Error(kNotAnImage) or, where
// the resized picture would pass kMaxImagePixels, Error(kSettings).
DecodedImage read_image(const std::string& path, int short_side);

// Writes a PNG atomically. Throws Error(kUnwritable).
void write_png(const std::string& path, const DecodedImage& image);

}  // namespace adainstyle
