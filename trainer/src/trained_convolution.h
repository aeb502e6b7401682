// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

namespace adainstyle {

// Note [Trained convolutions]
// convolve() and upsample_convolve() of plain_network.h, the same values and gradients (once differentiable), with the passes of
// feature_kernels.h between the convolutions. A 3x3 convolution behind nearest upsampling is four 2x2 convolutions, one for each
// phase of the output's pixels, of the small features with replicated borders: of the three rows of weights, two meet the same row
// of the small features and are added (for even rows of the output the last two, for odd ones the first two), and so for columns.
// That is 4/9 of the work, forwards and backwards, and the large features before the convolution never exist. In exact numbers
// nothing changes; in bfloat16 the sums of weights are rounded once more.
at::Tensor trained_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu);
at::Tensor trained_upsample_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, bool relu);

}  // namespace adainstyle
