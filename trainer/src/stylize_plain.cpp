// SPDX-License-Identifier: MIT
#include "stylize_plain.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/reflection_pad2d.h>

namespace adainstyle {
namespace {

at::Tensor extend(const at::Tensor& picture, int stride) {
  const std::int64_t below = (stride - picture.size(2) % stride) % stride, right = (stride - picture.size(3) % stride) % stride;
  return below == 0 && right == 0 ? picture : at::reflection_pad2d(picture, {0, right, 0, below});
}

// The statistics on the way from the content's own to the style's. For a network with one AdaIN, behind the tap it uses, that is the
// paper's alpha, (1 - a) x + a AdaIN(x, style); further AdaINs lie where the content's features have no scale of their own.
std::vector<ChannelStatistics> between(const std::vector<ChannelStatistics>& content, const std::vector<ChannelStatistics>& style,
                                       float strength) {
  std::vector<ChannelStatistics> result;
  for (std::size_t tap = 0; tap < style.size(); ++tap) {
    result.push_back({content[tap].mean * (1.0f - strength) + style[tap].mean * strength,
                      content[tap].std * (1.0f - strength) + style[tap].std * strength});
  }
  return result;
}

}  // namespace

Stylize stylize_with(const Network& network, const TensorMap& weights, float strength) {
  return [&network, &weights, strength](const at::Tensor& content, const at::Tensor& style) {
    const at::NoGradGuard no_grad;
    const int stride = overall_stride(network);
    const at::ScalarType dtype = weights.begin()->second.scalar_type();
    const Encoded of_style = plain_encode(network, weights, extend(style, stride).to(dtype));
    const Encoded of_content = plain_encode(network, weights, extend(content, stride).to(dtype));
    const at::Tensor output =
        plain_decode(network, weights, of_content.features, between(of_content.taps, of_style.taps, strength), 1.0f);
    return output.narrow(2, 0, content.size(2)).narrow(3, 0, content.size(3)).to(at::kFloat);
  };
}

}  // namespace adainstyle
