// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

namespace adainstyle {

// Note [Hand-written passes of the loss network]
// The loss network's weights never change, so all that a training step needs of it is the gradient with regard to the picture.
// Written out, that gradient is a chain of data-only convolutions with cheap passes in between. ATen would run reflection
// padding, ReLU, pooling (with 8-byte indices) and the statistics as separate passes over memory, each with a converted float32
// copy; these functions do each join of two convolutions in one pass. All take [N, C, H, W] tensors in channels-last memory,
// float32 or bfloat16, compute in float32, and give the same bits whatever the number of threads. They are loops for a CPU; tensors
// elsewhere take the way of device_passes.h.

// Padding by one pixel, the neighbour of the border or the border itself: [N, C, H + 2, W + 2].
at::Tensor pad_reflect(const at::Tensor& input);
at::Tensor pad_replicate(const at::Tensor& input);

// 2x2 max pooling, stride 2, ceil mode, then reflection padding by one pixel: [N, C, ceil(H/2) + 2, ceil(W/2) + 2].
at::Tensor pool_and_pad_reflect(const at::Tensor& input);

// Sums over space of a and of a * b, float32 [N, 2, C].
at::Tensor channel_sums(const at::Tensor& a, const at::Tensor& b);

// mean and std = sqrt(biased variance + eps) over space, float32 [N, C].
void feature_statistics(const at::Tensor& features, float eps, at::Tensor* mean, at::Tensor* std);

// slope * a + slope_b * b + offset; slopes and offset contiguous float32 [N, C]; b and slope_b undefined: none.
at::Tensor affine(const at::Tensor& a, const at::Tensor& slope, const at::Tensor& offset, const at::Tensor& b = {},
                  const at::Tensor& slope_b = {});

// The gradient before a ReLU whose output was `features`: the sum of the reflection-padded gradient of the next convolution
// (`padded_gradient` [N, C, H + 2, W + 2]; undefined: none), of `direct` [N, C, H, W] (undefined: none) and of the statistics'
// gradient offset[n, c] + slope[n, c] * features (both undefined: none), zero where features are zero.
at::Tensor relu_backward(const at::Tensor& features, const at::Tensor& padded_gradient, const at::Tensor& direct,
                         const at::Tensor& offset, const at::Tensor& slope);

// The gradient before a ReLU whose output `features` went through pool_and_pad_reflect; a window's gradient goes to its first
// maximum.
at::Tensor relu_pool_backward(const at::Tensor& features, const at::Tensor& padded_gradient);

// The adjoints of padding: [N, C, H + 2, W + 2] to [N, C, H, W].
at::Tensor pad_reflect_backward(const at::Tensor& padded_gradient);
at::Tensor pad_replicate_backward(const at::Tensor& padded_gradient);

// The phases of a phase convolution (Note [Trained convolutions] in trained_convolution.h), [N, 4 C, H + 1, W + 1], to features
// [N, C, 2 H, 2 W]: pixel (2 y + dy, 2 x + dx) is phase 2 dy + dx at (y + dy, x + dx). With or without ReLU.
at::Tensor interleave_phases(const at::Tensor& phases, bool relu);

// Its adjoint: the gradient at the phases from the one at the features. features: what interleave_phases made, if with ReLU;
// undefined: without.
at::Tensor split_phases(const at::Tensor& gradient, const at::Tensor& features);

}  // namespace adainstyle
