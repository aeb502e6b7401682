// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include "adainstyle/image.h"

namespace adainstyle {

// The picture as integers 0..255 in `dtype`, [1, 3 * block^2, height, width], channels-last (Note [Pixel blocks] in pixels.h). height
// and width count feature pixels; beyond the picture lies its reflection.
at::Tensor read_features(const ImageView& picture, int block, int height, int width, at::ScalarType dtype);

// Writes `features` (as read_features() gives them, but 0..1) into `output`, cropped to it; `input` gives alpha.
void write_features(const at::Tensor& features, int block, const ImageView& input, const MutableImageView& output);

}  // namespace adainstyle
