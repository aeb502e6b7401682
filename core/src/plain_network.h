// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "network.h"
#include "safetensors.h"

namespace adainstyle {

// The network run operation by operation with ordinary, differentiable ATen calls: what the trainer trains and what the tests
// hold the engine's fused steps against. Any device, any dtype; statistics in float32.

using TensorMap = std::map<std::string, at::Tensor>;

// Per-channel statistics over space, float32, [N, C] each: mean, and sqrt(biased variance + eps) (Huang & Belongie 2017, eq. 8).
struct ChannelStatistics {
  at::Tensor mean;
  at::Tensor std;
};

ChannelStatistics channel_statistics(const at::Tensor& features, float eps);

// The same over a region: pixels count with the shares [1, 1, h, w], whose sides are multiples of the features' (their mean over a
// pixel counts).
ChannelStatistics region_statistics(const at::Tensor& features, const at::Tensor& shares, float eps);

// Huang & Belongie 2017, eq. 8: features [N, C, H, W] with the style's statistics [N or 1, C].
at::Tensor adain(const at::Tensor& features, const ChannelStatistics& style, float eps);

// A 3x3 convolution of features [N, I, H, W] with reflection padding: weight [O, I, 3, 3], bias [O].
at::Tensor convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu);

// The same, stride 1, of the features upsampled x2 (nearest): [N, O, 2 H, 2 W].
at::Tensor upsample_convolve(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, bool relu);

// What computes the layers that take time: the functions above, or others of the same meaning (the trainer has faster ones).
struct LayerFunctions {
  ChannelStatistics (*statistics)(const at::Tensor& features, float eps) = channel_statistics;
  at::Tensor (*adain)(const at::Tensor& features, const ChannelStatistics& style, float eps) = adainstyle::adain;
  at::Tensor (*convolve)(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias, int stride,
                         bool relu) = adainstyle::convolve;
  at::Tensor (*upsample_convolve)(const at::Tensor& features, const at::Tensor& weight, const at::Tensor& bias,
                                  bool relu) = adainstyle::upsample_convolve;
};

struct Encoded {
  at::Tensor features;                  // [N, C, H/s, W/s]
  std::vector<ChannelStatistics> taps;  // indexed by tap
};

// picture: [N, 3, H, W], RGB in [0, 1]; H and W multiples of overall_stride(network) and at least twice it.
// Throws Error(kSettings) for another shape, Error(kMalformedModel) for a missing weight.
Encoded plain_encode(const Network& network, const TensorMap& weights, const at::Tensor& picture,
                     const LayerFunctions& layers = {});

// Returns [N, 3, H, W], not clamped.
at::Tensor plain_decode(const Network& network, const TensorMap& weights, const at::Tensor& features,
                        const std::vector<ChannelStatistics>& style, const LayerFunctions& layers = {});

// The same with a mask (Note [Regions] in engine/region_weights.h). inside: [1, 1, H, W] as the picture, 0..1. The statistics of the
// taps are those of the inside.
Encoded plain_encode_region(const Network& network, const TensorMap& weights, const at::Tensor& picture, const at::Tensor& inside);

// outside: empty where nothing is painted there.
at::Tensor plain_decode_regions(const Network& network, const TensorMap& weights, const at::Tensor& features,
                                const at::Tensor& inside, const std::vector<ChannelStatistics>& style,
                                const std::vector<ChannelStatistics>& outside);

// Note [Strength]
// What AdaIN is told to make lies between the content's own statistics at the tap (strength 0) and the style's (1). For a network
// with one AdaIN, which follows its tap, that is the paper's alpha, (1-a) x + a AdaIN(x, style): both are the same scale and shift.
// Where further AdaINs follow, x has a scale that training never fixed, since AdaIN always took it away; letting a part of it through
// ruins the picture. With the content's own statistics at strength 0 the network does what the identity loss has taught it.
std::vector<ChannelStatistics> between(const std::vector<ChannelStatistics>& content, const std::vector<ChannelStatistics>& style,
                                       float strength);

// Weights as a file holds them to float32 tensors of their own memory, and tensors of any kind to what a file holds.
TensorMap to_tensors(const std::map<std::string, TensorData>& weights, at::Device device = at::kCPU);
std::map<std::string, TensorData> from_tensors(const TensorMap& tensors);

}  // namespace adainstyle
