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

// Reads one pixel of a picture of any format.
class PixelReader {
 public:
  explicit PixelReader(const ImageView& image)
      : image_(image), yuv_(is_yuv(image.format)), layout_(pixel_layout(image.format)), decoder_(yuv_decoder(image.yuv)) {}

  ADAINSTYLE_HOST_DEVICE Rgb operator()(int x, int y) const {
    if (yuv_) return load_yuv(image_, decoder_, x, y);
    const std::uint8_t* pixel = pixel_at(image_, layout_.bytes, x, y);
    return {pixel[layout_.red], pixel[layout_.green], pixel[layout_.blue]};
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

// Writes one pixel of a packed format. Alpha comes from `source`, the input's pixel at the same place, or is opaque where the input has none.
ADAINSTYLE_HOST_DEVICE inline void store_pixel(const PixelLayout& source_layout, const std::uint8_t* source,
                                               const PixelLayout& layout, std::uint8_t* pixel, float red, float green, float blue) {
  const std::uint8_t alpha = source_layout.has_alpha && layout.has_alpha ? source[source_layout.alpha] : 255;
  pixel[layout.red] = to_byte(red);
  pixel[layout.green] = to_byte(green);
  pixel[layout.blue] = to_byte(blue);
  if (layout.alpha >= 0) pixel[layout.alpha] = alpha;
}

}  // namespace adainstyle
