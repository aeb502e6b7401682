// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

// The passes of feature_kernels.h in ordinary ATen calls, one operation after the other: what runs on a GPU, and what the hand-written
// ones are tested against. Any device; same shapes, types and meaning as there.
namespace adainstyle::plain_passes {

at::Tensor pad_reflect(const at::Tensor& input);
at::Tensor pad_replicate(const at::Tensor& input);
at::Tensor pool_and_pad_reflect(const at::Tensor& input);
at::Tensor channel_sums(const at::Tensor& a, const at::Tensor& b);
at::Tensor affine(const at::Tensor& a, const at::Tensor& slope, const at::Tensor& offset, const at::Tensor& b,
                  const at::Tensor& slope_b);
at::Tensor relu_backward(const at::Tensor& features, const at::Tensor& padded_gradient, const at::Tensor& direct,
                         const at::Tensor& offset, const at::Tensor& slope);
at::Tensor relu_pool_backward(const at::Tensor& features, const at::Tensor& padded_gradient);
at::Tensor pad_reflect_backward(const at::Tensor& padded_gradient);
at::Tensor pad_replicate_backward(const at::Tensor& padded_gradient);
at::Tensor interleave_phases(const at::Tensor& phases, bool relu);
at::Tensor split_phases(const at::Tensor& gradient, const at::Tensor& features);

}  // namespace adainstyle::plain_passes
