// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "adainstyle/image.h"
#include "pixels/yuv.h"

// What happens to one pixel, for the CPU's loops (pixels_cpu.cpp) and the GPU's kernels (cuda_*.cu) alike: what the CPU tests
// prove holds on a GPU too.

namespace adainstyle {

// Index of a pixel that lies outside of n pixels, mirrored at the edges without repeating them: -1 is 1, n is n - 2.
ADAINSTYLE_HOST_DEVICE inline int reflect_index(int i, int n) {
  const int period = n > 1 ? 2 * (n - 1) : 1;
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - i;
}

template <typename Byte>
ADAINSTYLE_HOST_DEVICE inline Byte* pixel_at(const BasicImageView<Byte>& image, int bytes_per_pixel, int x, int y) {
  return image.planes[0] + y * image.strides[0] + static_cast<std::ptrdiff_t>(x) * bytes_per_pixel;
}

// The bytes of one pixel of an RGB format, its neighbour's layout.bytes further on. alpha: nullptr where there is none.
template <typename Byte>
struct PixelBytes {
  Byte* red;
  Byte* green;
  Byte* blue;
  Byte* alpha;
};
template <typename Byte>
ADAINSTYLE_HOST_DEVICE inline PixelBytes<Byte> pixel_bytes(const BasicImageView<Byte>& image, const PixelLayout& layout, int x,
                                                           int y) {
  Byte* pixel = pixel_at(image, layout.bytes, x, y);
  if (layout.planar) {
    return {pixel, image.planes[1] + y * image.strides[1] + x, image.planes[2] + y * image.strides[2] + x, nullptr};
  }
  return {pixel + layout.red, pixel + layout.green, pixel + layout.blue, layout.alpha >= 0 ? pixel + layout.alpha : nullptr};
}

// Reads one pixel of a picture of any format.
class PixelReader {
 public:
  explicit PixelReader(const ImageView& image)
      : image_(image), yuv_(is_yuv(image.format)), layout_(pixel_layout(image.format)), decoder_(yuv_decoder(image.yuv)) {}

  ADAINSTYLE_HOST_DEVICE Rgb operator()(int x, int y) const {
    if (yuv_) return load_yuv(image_, decoder_, x, y);
    const PixelBytes<const std::uint8_t> pixel = pixel_bytes(image_, layout_, x, y);
    return {*pixel.red, *pixel.green, *pixel.blue};
  }

 private:
  ImageView image_;
  bool yuv_;
  PixelLayout layout_;
  YuvDecoder decoder_;
};

// 0..1 to 0..255, clamped, rounded to nearest. NaN becomes 0.
ADAINSTYLE_HOST_DEVICE inline std::uint8_t to_byte(float value) {
  const float scaled = value * 255.0f + 0.5f;
  return scaled > 0.0f ? static_cast<std::uint8_t>(scaled < 255.0f ? scaled : 255.0f) : 0;
}

// Writes pixel (x, y) of a picture of an RGB format. Alpha comes from the same place in `source`, the input, or is opaque
// where that has none.
ADAINSTYLE_HOST_DEVICE inline void store_pixel(const ImageView& source, const PixelLayout& source_layout,
                                               const MutableImageView& picture, const PixelLayout& layout, int x, int y, float red,
                                               float green, float blue) {
  const bool copies_alpha = source_layout.has_alpha && layout.has_alpha;
  const std::uint8_t alpha = copies_alpha ? pixel_at(source, source_layout.bytes, x, y)[source_layout.alpha] : 255;
  const PixelBytes<std::uint8_t> pixel = pixel_bytes(picture, layout, x, y);
  *pixel.red = to_byte(red);
  *pixel.green = to_byte(green);
  *pixel.blue = to_byte(blue);
  if (pixel.alpha != nullptr) *pixel.alpha = alpha;
}

}  // namespace adainstyle
