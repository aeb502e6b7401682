// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adainstyle/image.h"
#include "picture_part.h"
#include "pixels/pixels.h"

namespace adainstyle {

// A picture in a packed format with memory of its own, kept from frame to frame.
class PackedPicture {
 public:
  void resize(PixelFormat format, int width, int height) {
    format_ = format;
    width_ = width;
    height_ = height;
    bytes_.resize(static_cast<std::size_t>(height) * stride());
  }
  ImageView view() const { return view_of<const std::uint8_t>(bytes_.data()); }
  MutableImageView mutable_view() { return view_of<std::uint8_t>(bytes_.data()); }

  // What is not packed becomes RGB.
  ImageView copy(const ImageView& picture, int threads) {
    const bool packed = is_packed(picture.format);
    resize(packed ? picture.format : PixelFormat::kRGB, picture.width, picture.height);
    if (packed) {
      copy_pixels(picture, mutable_view());
    } else {
      convert_picture(picture, mutable_view(), threads);
    }
    return view();
  }

 private:
  std::ptrdiff_t stride() const { return static_cast<std::ptrdiff_t>(width_) * pixel_layout(format_).bytes; }

  template <typename Byte>
  BasicImageView<Byte> view_of(Byte* bytes) const {
    BasicImageView<Byte> view;
    view.format = format_;
    view.width = width_;
    view.height = height_;
    view.planes[0] = bytes;
    view.strides[0] = stride();
    return view;
  }

  PixelFormat format_ = PixelFormat::kRGB;
  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace adainstyle
