// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstdint>

#include "adainstyle/image.h"

#ifdef __CUDACC__
#define ADAINSTYLE_HOST_DEVICE __host__ __device__
#else
#define ADAINSTYLE_HOST_DEVICE
#endif

namespace adainstyle {

// Note [YUV]
// Luma and chroma to red, green and blue and back (ITU-R BT.601, BT.709, BT.2020 ...: Y = Kr R + Kg G + Kb B, chroma the differences
// from it, scaled to the range) in fixed point, so that CPU and GPU give the same bytes.
// Chroma at half the size is interpolated linearly between the four samples around a pixel, as GStreamer's videoconvert does: weights
// of quarters in each direction, hence sixteenths. Back, it is the mean over the pixels a sample stands for, two lines by two columns
// or, where it lies on a column, by three with weights 1, 2, 1: eighths. Beyond the edges the outermost sample or pixel is repeated.

struct Rgb {
  std::uint8_t red, green, blue;
};

// Factors in units of 2^-18, those of chroma for sixteenths.
struct YuvDecoder {
  int black;  // luma of black
  int luma;
  int red_v, green_u, green_v, blue_u;
};

// Factors in units of 2^-16, those of chroma for eighths.
struct YuvEncoder {
  int black;
  int luma_red, luma_green, luma_blue;
  int u_red, u_green, u_blue;
  int v_red, v_green, v_blue;
};

struct LumaShares {
  double red, green, blue;
};

inline LumaShares luma_shares(YuvMatrix matrix) {
  const auto of = [](double red, double blue) { return LumaShares{red, 1.0 - red - blue, blue}; };
  switch (matrix) {
    case YuvMatrix::kBt709: return of(0.2126, 0.0722);
    case YuvMatrix::kBt2020: return of(0.2627, 0.0593);
    case YuvMatrix::kFcc: return of(0.30, 0.11);
    case YuvMatrix::kSmpte240m: return of(0.212, 0.087);
    case YuvMatrix::kBt601: break;
  }
  return of(0.299, 0.114);
}

inline YuvDecoder yuv_decoder(const YuvEncoding& encoding) {
  const LumaShares k = luma_shares(encoding.matrix);
  const double chroma = 255.0 / (encoding.full_range ? 255.0 : 224.0) * (1 << 14);
  const auto fixed = [](double value) { return static_cast<int>(std::lround(value)); };
  return {encoding.full_range ? 0 : 16,
          fixed(255.0 / (encoding.full_range ? 255.0 : 219.0) * (1 << 18)),
          fixed(2.0 * (1.0 - k.red) * chroma),
          fixed(-2.0 * k.blue * (1.0 - k.blue) / k.green * chroma),
          fixed(-2.0 * k.red * (1.0 - k.red) / k.green * chroma),
          fixed(2.0 * (1.0 - k.blue) * chroma)};
}

// Green takes what rounding leaves, so that white is white and grey has no chroma.
inline YuvEncoder yuv_encoder(const YuvEncoding& encoding) {
  const LumaShares k = luma_shares(encoding.matrix);
  const auto fixed = [](double value) { return static_cast<int>(std::lround(value)); };
  const double luma = (encoding.full_range ? 1.0 : 219.0 / 255.0) * (1 << 16);
  const double chroma = (encoding.full_range ? 1.0 : 224.0 / 255.0) * (1 << 16);
  YuvEncoder e{};
  e.black = encoding.full_range ? 0 : 16;
  e.luma_red = fixed(k.red * luma);
  e.luma_blue = fixed(k.blue * luma);
  e.luma_green = fixed(luma) - e.luma_red - e.luma_blue;
  e.u_red = fixed(-0.5 * k.red / (1.0 - k.blue) * chroma);
  e.u_blue = fixed(0.5 * chroma);
  e.u_green = -e.u_red - e.u_blue;
  e.v_red = fixed(0.5 * chroma);
  e.v_blue = fixed(-0.5 * k.blue / (1.0 - k.red) * chroma);
  e.v_green = -e.v_red - e.v_blue;
  return e;
}

ADAINSTYLE_HOST_DEVICE inline std::uint8_t clamp_byte(int value) {
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// u, v: sixteenths.
ADAINSTYLE_HOST_DEVICE inline Rgb decode_yuv(const YuvDecoder& d, int luma, int u, int v) {
  const int base = d.luma * (luma - d.black) + (1 << 17);
  u -= 128 * 16;
  v -= 128 * 16;
  return {clamp_byte((base + d.red_v * v) >> 18), clamp_byte((base + d.green_u * u + d.green_v * v) >> 18),
          clamp_byte((base + d.blue_u * u) >> 18)};
}

ADAINSTYLE_HOST_DEVICE inline std::uint8_t encode_luma(const YuvEncoder& e, int red, int green, int blue) {
  return static_cast<std::uint8_t>(e.black + ((e.luma_red * red + e.luma_green * green + e.luma_blue * blue + (1 << 15)) >> 16));
}

// red, green, blue: eighths.
ADAINSTYLE_HOST_DEVICE inline std::uint8_t encode_u(const YuvEncoder& e, int red, int green, int blue) {
  return clamp_byte(128 + ((e.u_red * red + e.u_green * green + e.u_blue * blue + (1 << 18)) >> 19));
}
ADAINSTYLE_HOST_DEVICE inline std::uint8_t encode_v(const YuvEncoder& e, int red, int green, int blue) {
  return clamp_byte(128 + ((e.v_red * red + e.v_green * green + e.v_blue * blue + (1 << 18)) >> 19));
}

// The two samples around a pixel in one direction, and the quarters of the first. cosited: a sample lies on every even pixel.
struct ChromaPair {
  int first, second;
  int share;
};
ADAINSTYLE_HOST_DEVICE inline ChromaPair chroma_pair(int pixel, int samples, bool cosited) {
  const int own = pixel / 2;
  const int next = own + 1 < samples ? own + 1 : own;
  if (cosited) return {own, next, pixel % 2 == 0 ? 4 : 2};
  return pixel % 2 == 0 ? ChromaPair{own > 0 ? own - 1 : own, own, 1} : ChromaPair{own, next, 3};
}

// Where the chroma of a picture lies.
template <typename Byte>
struct ChromaPlanes {
  Byte* u;
  Byte* v;
  std::ptrdiff_t u_stride, v_stride;
  int step;  // bytes from one sample to the next
  int width, height;
};
template <typename Byte>
ADAINSTYLE_HOST_DEVICE inline ChromaPlanes<Byte> chroma_planes(const BasicImageView<Byte>& image) {
  const int width = (image.width + 1) / 2;
  const int height = (image.height + 1) / 2;
  if (image.format == PixelFormat::kNV12) {
    return {image.planes[1], image.planes[1] + 1, image.strides[1], image.strides[1], 2, width, height};
  }
  return {image.planes[1], image.planes[2], image.strides[1], image.strides[2], 1, width, height};
}

ADAINSTYLE_HOST_DEVICE inline int interpolate_chroma(const std::uint8_t* plane, std::ptrdiff_t stride, int step,
                                                     const ChromaPair& x, const ChromaPair& y) {
  const auto of_row = [&](int row) {
    const std::uint8_t* at = plane + row * stride;
    return x.share * at[static_cast<std::ptrdiff_t>(x.first) * step] +
           (4 - x.share) * at[static_cast<std::ptrdiff_t>(x.second) * step];
  };
  return y.share * of_row(y.first) + (4 - y.share) * of_row(y.second);
}

ADAINSTYLE_HOST_DEVICE inline Rgb load_yuv(const ImageView& image, const YuvDecoder& decoder, int x, int y) {
  const ChromaPlanes<const std::uint8_t> chroma = chroma_planes(image);
  const ChromaPair across = chroma_pair(x, chroma.width, image.yuv.cosited);
  const ChromaPair down = chroma_pair(y, chroma.height, false);
  return decode_yuv(decoder, image.planes[0][y * image.strides[0] + x],
                    interpolate_chroma(chroma.u, chroma.u_stride, chroma.step, across, down),
                    interpolate_chroma(chroma.v, chroma.v_stride, chroma.step, across, down));
}

// Writes the chroma sample (x, y) and the luma of the up to four pixels that share it. color_at(x, y) gives a pixel's Rgb.
template <typename ColorAt>
ADAINSTYLE_HOST_DEVICE inline void store_yuv_block(const MutableImageView& image, const YuvEncoder& encoder, int x, int y,
                                                   const ColorAt& color_at) {
  const ChromaPlanes<std::uint8_t> chroma = chroma_planes(image);
  int sum[3] = {};
  for (int line = 2 * y; line < 2 * y + 2; ++line) {
    const int inside_line = line < image.height ? line : image.height - 1;
    for (int column = 2 * x - (image.yuv.cosited ? 1 : 0); column < 2 * x + 2; ++column) {
      const int inside = column < 0 ? 0 : column < image.width ? column : image.width - 1;
      const Rgb color = color_at(inside, inside_line);
      const int weight = !image.yuv.cosited || column == 2 * x ? 2 : 1;
      sum[0] += weight * color.red;
      sum[1] += weight * color.green;
      sum[2] += weight * color.blue;
      if (line == inside_line && column == inside && column >= 2 * x) {
        image.planes[0][line * image.strides[0] + column] = encode_luma(encoder, color.red, color.green, color.blue);
      }
    }
  }
  chroma.u[y * chroma.u_stride + static_cast<std::ptrdiff_t>(x) * chroma.step] = encode_u(encoder, sum[0], sum[1], sum[2]);
  chroma.v[y * chroma.v_stride + static_cast<std::ptrdiff_t>(x) * chroma.step] = encode_v(encoder, sum[0], sum[1], sum[2]);
}

}  // namespace adainstyle
