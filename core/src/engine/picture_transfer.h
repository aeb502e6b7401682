// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "adainstyle/image.h"

namespace adainstyle {

// Between pictures and tensors, on one device.
class PictureTransfer {
 public:
  virtual ~PictureTransfer() = default;

  // The picture as integers 0..255 in `dtype`, [1, 3 * block^2, height, width], channels-last (Note [Pixel blocks]). height and
  // width count feature pixels; beyond the picture lies its reflection.
  virtual at::Tensor read(const ImageView& picture, int block, int height, int width, at::ScalarType dtype) = 0;

  // Writes `features` (as read() gives them, but 0..1) into `output`, cropped to it; `input` gives alpha. Returns when the
  // picture's bytes are there.
  virtual void write(const at::Tensor& features, int block, const ImageView& input, const MutableImageView& output) = 0;
};

std::unique_ptr<PictureTransfer> make_cpu_transfer();

// Loads libadainstyle-cuda, which has the kernels. Throws Error(kDeviceAbsent) or Error(kLibrary).
std::unique_ptr<PictureTransfer> make_cuda_transfer(int device_index);

}  // namespace adainstyle
