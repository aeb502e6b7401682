// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "adainstyle/image.h"

namespace adainstyle::test {

constexpr PixelFormat kAllFormats[] = {PixelFormat::kRGB,  PixelFormat::kBGR,  PixelFormat::kRGBA, PixelFormat::kBGRA,
                                       PixelFormat::kARGB, PixelFormat::kABGR, PixelFormat::kRGBx, PixelFormat::kBGRx,
                                       PixelFormat::kxRGB, PixelFormat::kxBGR, PixelFormat::kI420, PixelFormat::kNV12,
                                       PixelFormat::kRGBP};

// How far a byte painted in fp16 may be from one painted in float32. The picture of 33x21 has a feature channel with next to no spread,
// which AdaIN magnifies together with its rounding; LibTorch's fp16 on a CPU is as far off there.
inline int sixteen_bit_bound(int width) { return width == 33 ? 4 : 2; }

// A picture with padded rows, in system memory or on the GPU.
class Picture {
 public:
  Picture(PixelFormat format, int width, int height, unsigned seed) : format_(format), width_(width), height_(height) {
    std::int64_t bytes = 0;
    for (int plane = 0; plane < plane_count(format); ++plane) {
      const PlaneSize size = plane_size(format, width, height, plane);
      begins_[plane] = bytes;
      strides_[plane] = (size.row_bytes + 255) / 256 * 256 + 256;
      bytes += strides_[plane] * size.rows;
    }
    bytes_ = at::empty({bytes}, at::kByte);
    std::mt19937 random(seed);
    std::uint8_t* byte = bytes_.mutable_data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < bytes; ++i) {
      const std::int64_t column = i % strides_[0] / 4;
      byte[i] = static_cast<std::uint8_t>((column * 2 + i / strides_[0] * 3 + seed * 40) % 200 + random() % 16);
    }
  }

  Picture on(const at::Device& device) const {
    Picture copy = *this;
    copy.bytes_ = bytes_.to(device, bytes_.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    return copy;
  }

  ImageView view() const { return view_of<const std::uint8_t>(bytes_.const_data_ptr<std::uint8_t>()); }
  MutableImageView mutable_view() { return view_of<std::uint8_t>(bytes_.mutable_data_ptr<std::uint8_t>()); }

  // Largest difference of a byte that means something.
  int distance(const Picture& other) const {
    const at::Tensor mine = bytes_.cpu();
    const at::Tensor theirs = other.bytes_.cpu();
    int largest = 0;
    for (int plane = 0; plane < plane_count(format_); ++plane) {
      const PlaneSize size = plane_size(format_, width_, height_, plane);
      for (int y = 0; y < size.rows; ++y) {
        const std::int64_t row = begins_[plane] + y * strides_[plane];
        for (std::int64_t i = 0; i < size.row_bytes; ++i) {
          const int a = mine.const_data_ptr<std::uint8_t>()[row + i];
          const int b = theirs.const_data_ptr<std::uint8_t>()[row + i];
          if (!is_padding(i)) largest = std::max(largest, std::abs(a - b));
        }
      }
    }
    return largest;
  }

 private:
  // Whether a byte of a row means nothing.
  bool is_padding(std::int64_t column) const {
    if (is_yuv(format_)) return false;
    const PixelLayout layout = pixel_layout(format_);
    return layout.alpha >= 0 && !layout.has_alpha && column % layout.bytes == layout.alpha;
  }

  template <typename Byte>
  BasicImageView<Byte> view_of(Byte* bytes) const {
    BasicImageView<Byte> view;
    view.format = format_;
    view.width = width_;
    view.height = height_;
    for (int plane = 0; plane < plane_count(format_); ++plane) {
      view.planes[plane] = bytes + begins_[plane];
      view.strides[plane] = strides_[plane];
    }
    if (bytes_.is_cuda()) view.device = {DeviceType::kCuda, bytes_.get_device()};
    return view;
  }

  PixelFormat format_;
  int width_;
  int height_;
  std::int64_t begins_[kMaxPlanes] = {};
  std::int64_t strides_[kMaxPlanes] = {};
  at::Tensor bytes_;
};

}  // namespace adainstyle::test
