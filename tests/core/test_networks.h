// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/plan.h"
#include "plain_network.h"
#include "support/frames.h"

namespace adainstyle::test {

// A preset, or an order of operations that no preset has: "pointwise", "pending", "picture first", "shuffles".
Network network_named(const std::string& name);

// Random weights that keep the size of the features, and a last layer that fills the range of a picture. Biases keep most channels
// away from ReLU's zero: AdaIN magnifies a channel that is almost dead, and with it the rounding of any number format.
Model random_model(const Network& network, unsigned seed);

TensorMap tensors_of(const Model& model);

// [1, 3, H, W] in 0..1, extended by reflection to the plan's sizes.
at::Tensor extended_tensor(const Frame& picture, const Plan& plan);

// The decoded picture [3, H, W], cropped, as the plain network computes it in float32.
at::Tensor plain_result(const Model& model, const Frame& content, const Frame& style, float strength);

// A mask: a soft disc off the middle.
std::vector<std::uint8_t> disc(int width, int height);

// [1, 1, H, W], extended as a picture is.
at::Tensor extended_mask(const std::vector<std::uint8_t>& mask, int width, int height, const Plan& plan);

// plain_result() in two regions; outside may be nullptr.
at::Tensor plain_regions_result(const Model& model, const Frame& content, const at::Tensor& inside, const Frame& style,
                                const Frame* outside, float strength);

// Largest and root mean square distance of a picture from what it should be, in units of 1/255. Rounding to bytes costs up to 0.5.
struct Distance {
  float largest = 0;
  float rms = 0;
};

Distance distance(const Frame& picture, const at::Tensor& expected);

}  // namespace adainstyle::test
