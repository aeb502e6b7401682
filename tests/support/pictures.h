// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adainstyle::test {

using Bytes = std::vector<std::uint8_t>;

// Pictures written byte by byte, for what no encoder at hand would write: other depths, other colour types, lies in the header.

// PNG colour types.
constexpr int kPngGrey = 0;
constexpr int kPngRgb = 2;
constexpr int kPngPalette = 3;
constexpr int kPngGreyAlpha = 4;
constexpr int kPngRgba = 6;

// `rows` holds height rows of packed samples, without filter bytes. `palette`: RGB triples; `palette_alpha`: one byte each.
Bytes make_png(int width, int height, int bit_depth, int colour_type, const Bytes& rows, const Bytes& palette = {},
               const Bytes& palette_alpha = {});

// A JPEG of one 8x8 block a component, each of one value 0..255: one component is grey, three are YCbCr, four are CMYK as Adobe
// writes it (255 means no ink).
Bytes make_flat_jpeg(const std::vector<int>& component_values);

// A JPEG's bytes with an EXIF block that says how the picture is to be turned (1..8).
Bytes with_exif_orientation(const Bytes& jpeg, int orientation);

// An encoding of packed RGB by gdk-pixbuf, "jpeg" (best quality), "png", "bmp", ...; empty where it cannot write the format.
Bytes encode(const std::string& format, int width, int height, const Bytes& rgb);

}  // namespace adainstyle::test
