// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "pixels/pixel_body.h"
#include "pixels/pixels.h"
#include "pixels/yuv_rows.h"

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

// Line y of a picture; see decode_yuv_line for how long it stays.
ColorLine<const std::uint8_t> read_line(const ImageView& picture, int y) {
  if (is_yuv(picture.format)) return decode_yuv_line(picture, y);
  const PixelLayout layout = pixel_layout(picture.format);
  const PixelBytes<const std::uint8_t> first = pixel_bytes(picture, layout, 0, y);
  return {first.red, first.green, first.blue, layout.bytes};
}

template <typename As, int Block>
void read_row(const ImageView& picture, int y, int width, int channels, typename As::Value* row) {
  for (int dy = 0; dy < Block; ++dy) {
    const ColorLine<const std::uint8_t> line = read_line(picture, reflect_index(y * Block + dy, picture.height));
    typename As::Value* out = row + dy * Block;
    const auto read = [&](int x, int dx, std::ptrdiff_t column) {
      typename As::Value* at = out + static_cast<std::ptrdiff_t>(x) * channels + dx;
      at[0] = As::of(line.red[column * line.step]);
      at[Block * Block] = As::of(line.green[column * line.step]);
      at[2 * Block * Block] = As::of(line.blue[column * line.step]);
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

// The pair of lines that the calling thread is writing: line y of a YUV picture until end_row() takes it.
ColorLine<std::uint8_t> pending_line(int width, int y) {
  thread_local std::vector<std::uint8_t> buffer;
  const std::size_t bytes = static_cast<std::size_t>(6) * width;
  if (buffer.size() < bytes) buffer.resize(bytes);
  std::uint8_t* line = buffer.data() + static_cast<std::ptrdiff_t>(y % 2) * 3 * width;
  return {line, line + width, line + static_cast<std::ptrdiff_t>(2) * width, 1};
}

void end_yuv_lines(int y, const MutableImageView& picture) {
  const auto pending = [&](int line) -> ColorLine<const std::uint8_t> {
    const ColorLine<std::uint8_t> colors = pending_line(picture.width, line);
    return {colors.red, colors.green, colors.blue, 1};
  };
  encode_yuv_lines({pending(0), pending(1)}, y, picture);
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
  const bool yuv = is_yuv(picture.format);
  const PixelLayout source_layout = pixel_layout(source.format);
  const PixelLayout layout = pixel_layout(picture.format);
  const int area = block * block;
  const int end = std::min((x + count) * block, picture.width);
  for (int dy = 0; dy < block; ++dy) {
    const int line = y * block + dy;
    if (line >= picture.height) return;
    const ColorLine<std::uint8_t> pending = yuv ? pending_line(picture.width, line) : ColorLine<std::uint8_t>{};
    for (int column = x * block; column < end; ++column) {
      const float* value = row + static_cast<std::ptrdiff_t>(column / block - x) * channels + dy * block + column % block;
      if (yuv) {
        pending.red[column] = to_byte(value[0]);
        pending.green[column] = to_byte(value[area]);
        pending.blue[column] = to_byte(value[2 * area]);
      } else {
        store_pixel(source, source_layout, picture, layout, column, line, value[0], value[area], value[2 * area]);
      }
    }
  }
}

void end_row(int block, int y, const MutableImageView& picture) {
  if (!is_yuv(picture.format)) return;
  const int last = std::min(y * block + block, picture.height) - 1;  // line
  if (last >= y * block && (last % 2 == 1 || last == picture.height - 1)) end_yuv_lines(last / 2, picture);
}

void convert_picture(const ImageView& from, const MutableImageView& to, int threads) {
  const PixelLayout layout = pixel_layout(to.format);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int pair = 0; pair < (to.height + 1) / 2; ++pair) {
    for (int y = 2 * pair; y < std::min(2 * pair + 2, to.height); ++y) {
      const ColorLine<const std::uint8_t> line = read_line(from, y);
      if (is_yuv(to.format)) {
        const ColorLine<std::uint8_t> pending = pending_line(to.width, y);
        for (int x = 0; x < to.width; ++x) {
          pending.red[x] = line.red[static_cast<std::ptrdiff_t>(x) * line.step];
          pending.green[x] = line.green[static_cast<std::ptrdiff_t>(x) * line.step];
          pending.blue[x] = line.blue[static_cast<std::ptrdiff_t>(x) * line.step];
        }
        continue;
      }
      for (int x = 0; x < to.width; ++x) {
        const PixelBytes<std::uint8_t> pixel = pixel_bytes(to, layout, x, y);
        *pixel.red = line.red[static_cast<std::ptrdiff_t>(x) * line.step];
        *pixel.green = line.green[static_cast<std::ptrdiff_t>(x) * line.step];
        *pixel.blue = line.blue[static_cast<std::ptrdiff_t>(x) * line.step];
        if (pixel.alpha != nullptr) *pixel.alpha = 255;
      }
    }
    if (is_yuv(to.format)) end_yuv_lines(pair, to);
  }
}

}  // namespace adainstyle
