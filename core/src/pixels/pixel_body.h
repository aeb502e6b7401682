// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

#include "adainstyle/image.h"

// What happens to one pixel, for the CPU's loops (pixels_cpu.cpp) and the GPU's kernels (pixels_cuda.cu) alike: what the CPU tests
// prove holds on a GPU too.
#ifdef __CUDACC__
#define ADAINSTYLE_HOST_DEVICE __host__ __device__
#else
#define ADAINSTYLE_HOST_DEVICE
#endif

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

// 0..1 to 0..255, clamped, rounded to nearest. NaN becomes 0.
ADAINSTYLE_HOST_DEVICE inline std::uint8_t to_byte(float value) {
  const float scaled = value * 255.0f + 0.5f;
  return scaled > 0.0f ? static_cast<std::uint8_t>(scaled < 255.0f ? scaled : 255.0f) : 0;
}

// Writes one pixel. Alpha comes from `source`, the input's pixel at the same place, or is opaque where the input has none.
ADAINSTYLE_HOST_DEVICE inline void store_pixel(const PixelLayout& source_layout, const std::uint8_t* source,
                                               const PixelLayout& layout, std::uint8_t* pixel, float red, float green, float blue) {
  const std::uint8_t alpha = source_layout.has_alpha && layout.has_alpha ? source[source_layout.alpha] : 255;
  pixel[layout.red] = to_byte(red);
  pixel[layout.green] = to_byte(green);
  pixel[layout.blue] = to_byte(blue);
  if (layout.alpha >= 0) pixel[layout.alpha] = alpha;
}

}  // namespace adainstyle
