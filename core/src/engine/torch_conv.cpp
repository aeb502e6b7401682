// SPDX-License-Identifier: MIT
#include "engine/torch_conv.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/conv2d.h>

#include "engine/cuda_library.h"

namespace adainstyle {
namespace {

using Scalars = c10::List<std::optional<at::Scalar>>;

// oneDNN's operators carry no C++ declaration; they are reached through the dispatcher, by name and signature.
at::Tensor mkldnn_reorder(const at::Tensor& weight, int stride) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_convolution_weight", "")
                             .typed<at::Tensor(const at::Tensor&, c10::IntArrayRef, c10::IntArrayRef, c10::IntArrayRef,
                                               std::int64_t, c10::OptionalArrayRef<std::int64_t>)>();
  return op.call(weight, {0, 0}, {stride, stride}, {1, 1}, 1, std::nullopt);
}

at::Tensor mkldnn_conv(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_convolution_pointwise", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                               c10::IntArrayRef, c10::IntArrayRef, c10::IntArrayRef, std::int64_t, c10::string_view,
                                               Scalars, std::optional<c10::string_view>)>();
  return op.call(input, weight, bias, {0, 0}, {stride, stride}, {1, 1}, 1, relu ? "relu" : "none", Scalars(), "");
}

bool has_mkldnn(at::ScalarType type) {
  static const auto supports = [](const char* name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<bool()>().call();
  };
  static const bool bf16 = supports("mkldnn::_is_mkldnn_bf16_supported");
  static const bool fp16 = supports("mkldnn::_is_mkldnn_fp16_supported");
  return type == at::kFloat || (type == at::kBFloat16 && bf16) || (type == at::kHalf && fp16);
}

}  // namespace

at::Tensor prepack_conv_weight(const at::Tensor& weight, int stride) {
  if (has_mkldnn(weight.scalar_type())) return mkldnn_reorder(weight, stride);
  return weight.contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor fused_conv(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu) {
  if (has_mkldnn(input.scalar_type())) return mkldnn_conv(input, weight, bias, stride, relu);
  cuda_device_count();  // at::conv2d asks once and for all whether there is a CUDA half, and a GPU may be wanted later
  at::Tensor output = at::conv2d(input, weight, bias.to(input.scalar_type()), {stride, stride});  // it takes no other
  return relu ? output.relu_() : output;
}

}  // namespace adainstyle
