// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "safetensors.h"

namespace adainstyle {

constexpr int kLossTaps = 4;  // relu1_1, relu2_1, relu3_1, relu4_1

// What the losses compare: the statistics of the features at each tap, [N, C] float32 (std = sqrt(biased variance + 1e-5)), and
// the deepest features.
struct LossFeatures {
  std::array<at::Tensor, kLossTaps> mean;
  std::array<at::Tensor, kLossTaps> std;
  at::Tensor deepest;  // relu4_1, [N, 512, H/8, W/8], channels-last, in the network's dtype
};

// VGG-19 up to relu4_1 with fixed weights, the measure of the losses (Huang & Belongie 2017, section 5). Sizes that 8 does not
// divide are pooled in ceil mode.
class LossNetwork {
 public:
  // The features between two convolutions that a backward pass needs.
  struct Activations {
    std::vector<at::Tensor> outputs;  // after each convolution's ReLU
    LossFeatures features;
  };

  // Reads conv0 ... conv4_1 (NAME.weight OIHW, NAME.bias; conv0, the 1x1 colour transform, is folded into conv1_1).
  // `source` names the weights in errors; `dtype` is float32 or bfloat16.
  LossNetwork(const std::map<std::string, TensorData>& weights, const std::string& source, at::ScalarType dtype,
              at::Device device = at::kCPU);
  static LossNetwork load(const std::string& path, at::ScalarType dtype, at::Device device = at::kCPU);

  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }

  // picture: [N, 3, H, W], RGB in [0, 1], any dtype and device, H and W at least 16; what is returned lies on device(). Nothing is
  // recorded for autograd.
  LossFeatures features(const at::Tensor& picture) const;
  Activations forward(const at::Tensor& picture) const;

  // Every tap's features, [N, C, H/s, W/s] (Gram matrices are made of them).
  std::vector<at::Tensor> tap_features(const Activations& activations) const;

  // The gradient of a loss with regard to the picture, [N, 3, H, W] float32, from its gradients with regard to the features
  // (undefined tensors: none). gradient_of_taps: with regard to the features of each tap (Gram); empty: none.
  at::Tensor backward(const Activations& activations, const LossFeatures& gradient,
                      const std::vector<at::Tensor>& gradient_of_taps = {}) const;

 private:
  struct Layer {
    at::Tensor weight;  // OIHW, channels-last, dtype_
    at::Tensor bias;
    bool pool_before = false;
    int tap = -1;
  };

  at::Tensor convolve(const at::Tensor& padded, const Layer& layer) const;

  std::vector<Layer> layers_;
  at::ScalarType dtype_;
  at::Device device_;
};

}  // namespace adainstyle
