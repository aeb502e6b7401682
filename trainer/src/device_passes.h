// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <ATen/core/Tensor.h>

// The passes of feature_kernels.h where a device has a thread for every value: kernels on a GPU. Of tensors on the CPU they run the
// same bodies (pass_body.h) in a loop, slowly: what tests prove there holds on a GPU.

namespace adainstyle::device_passes {

// Whether GPUs' kernels can be loaded; where not, `reason` says why.
bool have_cuda_passes(std::string* reason);

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

}  // namespace adainstyle::device_passes
