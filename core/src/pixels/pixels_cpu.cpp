// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>

#include "pixels/pixel_body.h"
#include "pixels/pixels.h"

namespace adainstyle {
namespace {

// bf16 of every byte; exact, since bf16 has 8 significant bits.
std::array<std::uint16_t, 256> make_bf16_table() {
  std::array<std::uint16_t, 256> table{};
  for (int i = 0; i < 256; ++i) {
    const float value = static_cast<float>(i);
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    table[i] = static_cast<std::uint16_t>(bits >> 16);
  }
  return table;
}

const std::array<std::uint16_t, 256> kBf16OfByte = make_bf16_table();

struct AsBf16 {
  using Value = std::uint16_t;
  static Value of(std::uint8_t byte) { return kBf16OfByte[byte]; }
};

struct AsFloat {
  using Value = float;
  static Value of(std::uint8_t byte) { return byte; }
};

template <typename As, int Block>
void read_row(const ImageView& picture, int y, int width, int channels, typename As::Value* row) {
  const PixelLayout layout = pixel_layout(picture.format);
  for (int dy = 0; dy < Block; ++dy) {
    const std::uint8_t* line = pixel_at(picture, layout.bytes, 0, reflect_index(y * Block + dy, picture.height));
    typename As::Value* out = row + dy * Block;
    const auto read = [&](int x, int dx, std::ptrdiff_t column) {
      const std::uint8_t* pixel = line + column * layout.bytes;
      typename As::Value* at = out + static_cast<std::ptrdiff_t>(x) * channels + dx;
      at[0] = As::of(pixel[layout.red]);
      at[Block * Block] = As::of(pixel[layout.green]);
      at[2 * Block * Block] = As::of(pixel[layout.blue]);
    };
    const int inside = std::min(width, picture.width / Block);
    for (int x = 0; x < inside; ++x) {
      for (int dx = 0; dx < Block; ++dx) read(x, dx, static_cast<std::ptrdiff_t>(x) * Block + dx);
    }
    for (int x = inside; x < width; ++x) {
      for (int dx = 0; dx < Block; ++dx) read(x, dx, reflect_index(x * Block + dx, picture.width));
    }
  }
  for (int c = 3 * Block * Block; c < channels; ++c) {
    for (int x = 0; x < width; ++x) row[static_cast<std::ptrdiff_t>(x) * channels + c] = 0;
  }
}

}  // namespace

void read_row_bf16(const ImageView& picture, int block, int y, int width, int channels, std::uint16_t* row) {
  block == 2 ? read_row<AsBf16, 2>(picture, y, width, channels, row) : read_row<AsBf16, 1>(picture, y, width, channels, row);
}

void read_row_float(const ImageView& picture, int block, int y, int width, int channels, float* row) {
  block == 2 ? read_row<AsFloat, 2>(picture, y, width, channels, row) : read_row<AsFloat, 1>(picture, y, width, channels, row);
}

void write_row(const float* row, int channels, int block, int x, int y, int count, const ImageView& source,
               const MutableImageView& picture) {
  const PixelLayout source_layout = pixel_layout(source.format);
  const PixelLayout layout = pixel_layout(picture.format);
  const int area = block * block;
  const int end = std::min((x + count) * block, picture.width);
  for (int dy = 0; dy < block; ++dy) {
    const int line = y * block + dy;
    if (line >= picture.height) return;
    for (int column = x * block; column < end; ++column) {
      const float* value = row + static_cast<std::ptrdiff_t>(column / block - x) * channels + dy * block + column % block;
      store_pixel(source_layout, pixel_at(source, source_layout.bytes, column, line), layout,
                  pixel_at(picture, layout.bytes, column, line), value[0], value[area], value[2 * area]);
    }
  }
}

}  // namespace adainstyle
