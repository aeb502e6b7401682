// SPDX-License-Identifier: MIT
#include "plain_network.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <ATen/ops/var_mean.h>

#include <algorithm>

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

const at::Tensor& weight(const TensorMap& weights, const std::string& name) {
  const auto found = weights.find(name);
  if (found == weights.end()) {
    throw Error(ErrorCode::kMalformedModel, "The network needs a tensor \"" + name + "\" that is not among its weights.");
  }
  return found->second;
}

at::Tensor convolve3x3(const LayerFunctions& layers, const TensorMap& weights, const std::string& name, const at::Tensor& features,
                       int stride, bool relu) {
  return layers.convolve(features, weight(weights, name + ".weight"), weight(weights, name + ".bias"), stride, relu);
}

at::Tensor convolve1x1(const TensorMap& weights, const std::string& name, const at::Tensor& features, bool relu) {
  at::Tensor result = at::conv2d(features, weight(weights, name + ".weight"), weight(weights, name + ".bias"));
  return relu ? result.relu_() : result;
}

at::Tensor upsample(const at::Tensor& features) {
  return at::upsample_nearest2d(features, at::IntArrayRef{features.size(2) * 2, features.size(3) * 2});
}

// One operation that needs no statistics.
at::Tensor apply(const Operation& operation, const LayerFunctions& layers, const TensorMap& weights, const at::Tensor& features) {
  const auto& name = operation.name;
  switch (operation.type) {
    case OpType::kConv3x3: return convolve3x3(layers, weights, name, features, operation.stride, operation.relu);
    case OpType::kConv1x1: return convolve1x1(weights, name, features, operation.relu);
    case OpType::kMaxPool: return at::max_pool2d(features, {2, 2}, {2, 2}, {0, 0}, {1, 1}, /*ceil_mode=*/true);
    case OpType::kUpsampleNearest: return upsample(features);
    case OpType::kPixelUnshuffle: return at::pixel_unshuffle(features, 2);
    case OpType::kPixelShuffle: return at::pixel_shuffle(features, 2);
    case OpType::kResidual:
      return features +
             convolve3x3(layers, weights, name + ".b", convolve3x3(layers, weights, name + ".a", features, 1, true), 1, false);
    case OpType::kTap:
    case OpType::kAdaIN: break;
  }
  return features;
}

// [N, C] to [N, C, 1, 1].
at::Tensor over_space(const at::Tensor& statistics) { return statistics.unsqueeze(-1).unsqueeze(-1); }

at::Tensor shares_at(const at::Tensor& shares, const at::Tensor& features) {
  return at::adaptive_avg_pool2d(shares, {features.size(2), features.size(3)});
}

at::Tensor adain_between(const at::Tensor& features, const ChannelStatistics& content, const ChannelStatistics& style) {
  const at::Tensor normalised = (features.to(at::kFloat) - over_space(content.mean)) / over_space(content.std);
  return (normalised * over_space(style.std) + over_space(style.mean)).to(features.scalar_type());
}

template <typename Statistics>
Encoded encode(const Network& network, const LayerFunctions& layers, const TensorMap& weights, const at::Tensor& picture,
               const Statistics& statistics) {
  Encoded encoded;
  encoded.taps.resize(tap_channels(network).size());
  encoded.features = picture;
  for (const Operation& operation : network.encoder) {
    if (operation.type == OpType::kTap) {
      encoded.taps[operation.tap] = statistics(encoded.features);
    } else {
      encoded.features = apply(operation, layers, weights, encoded.features);
    }
  }
  return encoded;
}

template <typename AdaIN>
at::Tensor decode(const Network& network, const LayerFunctions& layers, const TensorMap& weights, const at::Tensor& features,
                  const AdaIN& adain) {
  at::Tensor current = features;
  const std::vector<Operation>& operations = network.decoder;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    const bool pair = operation.type == OpType::kUpsampleNearest && i + 1 < operations.size() &&
                      operations[i + 1].type == OpType::kConv3x3 && operations[i + 1].stride == 1;
    if (pair) {
      const Operation& next = operations[++i];
      current = layers.upsample_convolve(current, weight(weights, next.name + ".weight"), weight(weights, next.name + ".bias"),
                                         next.relu);
    } else {
      current = operation.type == OpType::kAdaIN ? adain(current, operation.tap) : apply(operation, layers, weights, current);
    }
  }
  return current;
}

void check_picture(const Network& network, const at::Tensor& picture) {
  const int stride = overall_stride(network);
  // Reflection padding needs two rows and columns at the coarsest features, unless those are the picture itself.
  const std::int64_t smallest = 2 * stride;
  if (picture.dim() != 4 || picture.size(1) != 3 || picture.size(2) % stride != 0 || picture.size(3) % stride != 0 ||
      std::min(picture.size(2), picture.size(3)) < smallest) {
    throw Error(ErrorCode::kSettings, "Expected pictures [N, 3, H, W] with H and W multiples of " + std::to_string(stride) +
                                          " and at least " + std::to_string(smallest) + ".");
  }
}

}  // namespace

ChannelStatistics channel_statistics(const at::Tensor& features, float eps) {
  const auto [variance, mean] = at::var_mean(features.to(at::kFloat), at::IntArrayRef{2, 3}, /*correction=*/0);
  return {mean, at::sqrt(variance + eps)};
}

ChannelStatistics region_statistics(const at::Tensor& features, const at::Tensor& shares, float eps) {
  const at::Tensor weights = shares_at(shares, features) / shares_at(shares, features).sum();
  const at::Tensor values = features.to(at::kFloat);
  const at::Tensor mean = (values * weights).sum(at::IntArrayRef{2, 3});
  const at::Tensor variance = ((values - over_space(mean)).square() * weights).sum(at::IntArrayRef{2, 3});
  return {mean, at::sqrt(variance + eps)};
}

at::Tensor adain(const at::Tensor& features, const ChannelStatistics& style, float eps) {
  return adain_between(features, channel_statistics(features, eps), style);
}

at::Tensor convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu) {
  const at::Tensor padded = at::reflection_pad2d(features, {1, 1, 1, 1});
  at::Tensor result = at::conv2d(padded, weight, bias, at::IntArrayRef{stride, stride});
  return relu ? result.relu_() : result;
}

at::Tensor upsample_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, bool relu) {
  return convolve(upsample(features), weight, bias, 1, relu);
}

Encoded plain_encode(const Network& network, const TensorMap& weights, const at::Tensor& picture, const LayerFunctions& layers) {
  check_picture(network, picture);
  return encode(network, layers, weights, picture,
                [&](const at::Tensor& features) { return layers.statistics(features, network.eps); });
}

at::Tensor plain_decode(const Network& network, const TensorMap& weights, const at::Tensor& features,
                        const std::vector<ChannelStatistics>& style, const LayerFunctions& layers) {
  return decode(network, layers, weights, features,
                [&](const at::Tensor& current, int tap) { return layers.adain(current, style.at(tap), network.eps); });
}

Encoded plain_encode_region(const Network& network, const TensorMap& weights, const at::Tensor& picture, const at::Tensor& inside) {
  check_picture(network, picture);
  return encode(network, {}, weights, picture,
                [&](const at::Tensor& features) { return region_statistics(features, inside, network.eps); });
}

at::Tensor plain_decode_regions(const Network& network, const TensorMap& weights, const at::Tensor& features,
                                const at::Tensor& inside, const std::vector<ChannelStatistics>& style,
                                const std::vector<ChannelStatistics>& outside) {
  return decode(network, {}, weights, features, [&](const at::Tensor& current, int tap) {
    const at::Tensor in = adain_between(current, region_statistics(current, inside, network.eps), style.at(tap));
    if (outside.empty()) return in;
    const at::Tensor out = adain_between(current, region_statistics(current, 1 - inside, network.eps), outside.at(tap));
    const at::Tensor shares = shares_at(inside, current);
    return shares * in + (1 - shares) * out;
  });
}

std::vector<ChannelStatistics> between(const std::vector<ChannelStatistics>& content, const std::vector<ChannelStatistics>& style,
                                       float strength) {
  std::vector<ChannelStatistics> result;
  for (std::size_t tap = 0; tap < style.size(); ++tap) {
    result.push_back({content[tap].mean * (1.0f - strength) + style[tap].mean * strength,
                      content[tap].std * (1.0f - strength) + style[tap].std * strength});
  }
  return result;
}

TensorMap to_tensors(const std::map<std::string, TensorData>& weights, at::Device device) {
  TensorMap tensors;
  for (const auto& [name, data] : weights) {
    at::Tensor tensor = at::empty(data.shape, at::kFloat);
    std::copy(data.values.begin(), data.values.end(), tensor.data_ptr<float>());
    tensors[name] = tensor.to(device);
  }
  return tensors;
}

std::map<std::string, TensorData> from_tensors(const TensorMap& tensors) {
  std::map<std::string, TensorData> weights;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    const float* values = plain.data_ptr<float>();
    weights[name] = {plain.sizes().vec(), std::vector<float>(values, values + plain.numel())};
  }
  return weights;
}

}  // namespace adainstyle
