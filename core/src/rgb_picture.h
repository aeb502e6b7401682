// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "adainstyle/image.h"
#include "pixels/pixels.h"

namespace adainstyle {

// A picture in RGB with memory of its own, kept from frame to frame.
class RgbPicture {
 public:
  void resize(int width, int height) {
    width_ = width;
    height_ = height;
    bytes_.resize(static_cast<std::size_t>(width) * height * 3);
  }
  ImageView view() const { return view_of<const std::uint8_t>(bytes_.data()); }
  MutableImageView mutable_view() { return view_of<std::uint8_t>(bytes_.data()); }

  ImageView copy(const ImageView& picture, int threads) {
    resize(picture.width, picture.height);
    convert_picture(picture, mutable_view(), threads);
    return view();
  }

 private:
  template <typename Byte>
  BasicImageView<Byte> view_of(Byte* bytes) const {
    BasicImageView<Byte> view;
    view.width = width_;
    view.height = height_;
    view.planes[0] = bytes;
    view.strides[0] = static_cast<std::ptrdiff_t>(width_) * 3;
    return view;
  }

  int width_ = 0;
  int height_ = 0;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace adainstyle
