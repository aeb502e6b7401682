// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

namespace adainstyle {

// A convolution with bias and ReLU in one call of oneDNN, where it can.

// Brings a weight [outputs, inputs, k, k] into the order that oneDNN wants, once.
at::Tensor prepack_conv_weight(const at::Tensor& weight, int stride);

// input: [1, inputs, H, W] channels-last, already padded; weight: prepacked, or plain where it changes with each frame; bias: float32,
// since AdaIN folded into it can make it large.
at::Tensor fused_conv(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu);

}  // namespace adainstyle
