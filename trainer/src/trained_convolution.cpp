// SPDX-License-Identifier: MIT
#include "trained_convolution.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <tuple>

#include "feature_kernels.h"

namespace adainstyle {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

at::Tensor channels_last(const at::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

// Gradients with regard to the padded input (undefined where it needs none), the weight and the bias.
std::tuple<at::Tensor, at::Tensor, at::Tensor> gradients(const at::Tensor& gradient, const at::Tensor& padded,
                                                         const at::Tensor& weight, std::int64_t stride, bool of_input) {
  return at::convolution_backward(gradient, padded, weight, at::IntArrayRef{weight.size(0)}, {stride, stride}, {0, 0}, {1, 1},
                                  false, {0, 0}, 1, {of_input, true, true});
}

struct Convolution : Function<Convolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias,
                            std::int64_t stride, bool relu) {
    const at::Tensor padded = pad_reflect(channels_last(features));
    at::Tensor output = channels_last(at::conv2d(padded, weight, bias, {stride, stride}));
    if (relu) output.relu_();
    context->save_for_backward({padded, weight, relu ? output : at::Tensor()});
    context->saved_data["stride"] = stride;
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &padded = saved[0], &weight = saved[1], &output = saved[2];
    at::Tensor gradient = channels_last(outputs[0].to(padded.scalar_type()));
    if (output.defined()) gradient = relu_backward(output, {}, gradient, {}, {});
    const auto [of_padded, of_weight, of_bias] =
        gradients(gradient, padded, weight, context->saved_data["stride"].toInt(), context->needs_input_grad(0));
    const at::Tensor of_features = of_padded.defined() ? pad_reflect_backward(channels_last(of_padded)) : at::Tensor();
    return {of_features, of_weight, of_bias, at::Tensor(), at::Tensor()};
  }
};

// [9, 16]: from the weights at (ky, kx) to those of phase (dy, dx) at (iy, ix), float32.
at::Tensor phase_sums() {
  static constexpr float kRows[2][2][3] = {{{1, 0, 0}, {0, 1, 1}}, {{1, 1, 0}, {0, 0, 1}}};  // [dy][iy][ky]
  static const std::array<float, 9 * 16> sums = [] {
    std::array<float, 9 * 16> values{};
    for (int k = 0; k < 9; ++k) {
      for (int i = 0; i < 16; ++i) values[k * 16 + i] = kRows[i / 8][i / 2 % 2][k / 3] * kRows[i / 4 % 2][i % 2][k % 3];
    }
    return values;
  }();
  return at::from_blob(const_cast<float*>(sums.data()), {9, 16}, at::kFloat);
}

// [O, I, 3, 3] to [4 O, I, 2, 2], and its adjoint.
at::Tensor phase_weights(const at::Tensor& weight) {
  const std::int64_t outputs = weight.size(0), inputs = weight.size(1);
  const at::Tensor rows = weight.to(at::kFloat).contiguous().view({outputs * inputs, 9});
  const at::Tensor phases = rows.mm(phase_sums().to(weight.device())).view({outputs, inputs, 4, 2, 2}).permute({2, 0, 1, 3, 4});
  return channels_last(phases.reshape({4 * outputs, inputs, 2, 2}).to(weight.scalar_type()));
}

at::Tensor phase_weights_backward(const at::Tensor& gradient) {
  const std::int64_t outputs = gradient.size(0) / 4, inputs = gradient.size(1);
  const at::Tensor rows =
      gradient.to(at::kFloat).contiguous().view({4, outputs, inputs, 4}).permute({1, 2, 0, 3}).reshape({outputs * inputs, 16});
  return rows.mm(phase_sums().to(gradient.device()).t()).view({outputs, inputs, 3, 3}).to(gradient.scalar_type());
}

struct UpsampleConvolution : Function<UpsampleConvolution> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias,
                            bool relu) {
    const at::Tensor padded = pad_replicate(channels_last(features));
    const at::Tensor phases = phase_weights(weight);
    const at::Tensor output = interleave_phases(channels_last(at::conv2d(padded, phases, bias.repeat({4}))), relu);
    context->save_for_backward({padded, phases, relu ? output : at::Tensor()});
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& outputs) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &padded = saved[0], &phases = saved[1], &output = saved[2];
    const at::Tensor gradient = split_phases(channels_last(outputs[0].to(padded.scalar_type())), output);
    const auto [of_padded, of_phases, of_biases] = gradients(gradient, padded, phases, 1, true);
    const at::Tensor of_bias = of_biases.to(at::kFloat).view({4, -1}).sum(0).to(of_biases.scalar_type());
    return {pad_replicate_backward(channels_last(of_padded)), phase_weights_backward(of_phases), of_bias, at::Tensor()};
  }
};

}  // namespace

at::Tensor trained_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu) {
  return Convolution::apply(features, weight, bias, static_cast<std::int64_t>(stride), relu);
}

at::Tensor trained_upsample_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, bool relu) {
  return UpsampleConvolution::apply(features, weight, bias, relu);
}

}  // namespace adainstyle
