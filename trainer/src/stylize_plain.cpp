// SPDX-License-Identifier: MIT
#include "stylize_plain.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/reflection_pad2d.h>

namespace adainstyle {
namespace {

at::Tensor extend(const at::Tensor& picture, int stride) {
  const std::int64_t below = (stride - picture.size(2) % stride) % stride, right = (stride - picture.size(3) % stride) % stride;
  return below == 0 && right == 0 ? picture : at::reflection_pad2d(picture, {0, right, 0, below});
}

}  // namespace

Stylize stylize_with(const Network& network, const TensorMap& weights, float strength) {
  return [&network, &weights, strength](const at::Tensor& content, const at::Tensor& style) {
    const at::NoGradGuard no_grad;
    const int stride = overall_stride(network);
    const at::TensorOptions options = weights.begin()->second.options();
    const Encoded of_style = plain_encode(network, weights, extend(style, stride).to(options));
    const Encoded of_content = plain_encode(network, weights, extend(content, stride).to(options));
    const at::Tensor output =
        plain_decode(network, weights, of_content.features, between(of_content.taps, of_style.taps, strength));
    return output.narrow(2, 0, content.size(2)).narrow(3, 0, content.size(3)).to(content.device(), at::kFloat);
  };
}

}  // namespace adainstyle
