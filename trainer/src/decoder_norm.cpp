// SPDX-License-Identifier: MIT
#include "decoder_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/var_mean.h>

#include "trained_layers.h"

namespace adainstyle {
namespace {

at::Tensor normalised(const at::Tensor& features, const std::string& norm, float eps) {
  const at::Tensor wide = features.to(at::kFloat);
  const std::vector<std::int64_t> axes = norm == "batch" ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{2, 3};
  const auto [variance, mean] = at::var_mean(wide, axes, /*correction=*/0, /*keepdim=*/true);
  return ((wide - mean) / (variance + eps).sqrt()).to(features.scalar_type());
}

}  // namespace

at::Tensor decode_with_norm(const Network& network, const TensorMap& weights, const at::Tensor& features,
                            const std::vector<ChannelStatistics>& style, const std::string& norm) {
  if (norm == "none") return plain_decode(network, weights, features, style, kTrainedLayers);
  at::Tensor current = features;
  for (const Operation& operation : network.decoder) {
    const bool hidden = operation.type == OpType::kConv3x3 && operation.relu;
    Network single;
    single.eps = network.eps;
    single.decoder = {operation};
    if (hidden) single.decoder.front().relu = false;
    current = plain_decode(single, weights, current, style, kTrainedLayers);
    if (hidden) current = at::relu(normalised(current, norm, network.eps));
  }
  return current;
}

}  // namespace adainstyle
