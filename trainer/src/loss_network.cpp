// SPDX-License-Identifier: MIT
#include "loss_network.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>

#include "adainstyle/error.h"
#include "feature_kernels.h"

namespace adainstyle {
namespace {

constexpr float kEps = 1e-5f;

struct LayerPlan {
  const char* name;
  std::int64_t inputs, outputs;
  bool pool_before;
  int tap;
};

constexpr LayerPlan kPlan[] = {
    {"conv1_1", 3, 64, false, 0},     {"conv1_2", 64, 64, false, -1},   {"conv2_1", 64, 128, true, 1},
    {"conv2_2", 128, 128, false, -1}, {"conv3_1", 128, 256, true, 2},   {"conv3_2", 256, 256, false, -1},
    {"conv3_3", 256, 256, false, -1}, {"conv3_4", 256, 256, false, -1}, {"conv4_1", 256, 512, true, 3},
};

at::Tensor tensor_of(const std::map<std::string, TensorData>& weights, const std::string& name, at::IntArrayRef shape,
                     const std::string& source) {
  const auto found = weights.find(name);
  if (found == weights.end()) {
    throw Error(ErrorCode::kMalformedModel, source + " has no tensor " + name + "; VGG-19 up to conv4_1 is expected.");
  }
  if (at::IntArrayRef(found->second.shape) != shape) {
    throw Error(ErrorCode::kMalformedModel, source + ": tensor " + name + " does not have the shape of VGG-19's.");
  }
  return at::from_blob(const_cast<float*>(found->second.values.data()), shape, at::kFloat).clone();
}

}  // namespace

LossNetwork::LossNetwork(const std::map<std::string, TensorData>& weights, const std::string& source, at::ScalarType dtype,
                         at::Device device)
    : dtype_(dtype), device_(device) {
  const at::NoGradGuard no_grad;
  for (const LayerPlan& plan : kPlan) {
    const std::string name = plan.name;
    at::Tensor weight = tensor_of(weights, name + ".weight", {plan.outputs, plan.inputs, 3, 3}, source);
    at::Tensor bias = tensor_of(weights, name + ".bias", {plan.outputs}, source);
    if (layers_.empty() && weights.count("conv0.weight") != 0) {
      // A pointwise layer commutes with reflection padding: W(W0 x + b0) + b = (W W0) x + (sum over space of W) b0 + b.
      const at::Tensor colour = tensor_of(weights, "conv0.weight", {3, 3, 1, 1}, source).view({3, 3});
      const at::Tensor shift = tensor_of(weights, "conv0.bias", {3}, source);
      bias = bias + at::matmul(weight.sum({2, 3}), shift);
      weight = at::matmul(weight.permute({0, 2, 3, 1}), colour).permute({0, 3, 1, 2});
    }
    Layer layer;
    layer.weight = weight.to(device, dtype).contiguous(at::MemoryFormat::ChannelsLast);
    layer.bias = bias.to(device, dtype);
    layer.pool_before = plan.pool_before;
    layer.tap = plan.tap;
    layers_.push_back(std::move(layer));
  }
}

LossNetwork LossNetwork::load(const std::string& path, at::ScalarType dtype, at::Device device) {
  return LossNetwork(read_safetensors(path).tensors, path, dtype, device);
}

at::Tensor LossNetwork::convolve(const at::Tensor& padded, const Layer& layer) const {
  return at::conv2d(padded, layer.weight, layer.bias).relu_();
}

LossNetwork::Activations LossNetwork::forward(const at::Tensor& picture) const {
  const at::NoGradGuard no_grad;
  Activations result;
  at::Tensor x = picture.detach().to(device_, dtype_).contiguous(at::MemoryFormat::ChannelsLast);
  for (const Layer& layer : layers_) {
    x = convolve(layer.pool_before ? pool_and_pad_reflect(x) : pad_reflect(x), layer);
    result.outputs.push_back(x);
    if (layer.tap >= 0) feature_statistics(x, kEps, &result.features.mean[layer.tap], &result.features.std[layer.tap]);
  }
  result.features.deepest = x;
  return result;
}

LossFeatures LossNetwork::features(const at::Tensor& picture) const { return forward(picture).features; }

std::vector<at::Tensor> LossNetwork::tap_features(const Activations& activations) const {
  std::vector<at::Tensor> taps(kLossTaps);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (layers_[i].tap >= 0) taps[layers_[i].tap] = activations.outputs[i];
  }
  return taps;
}

at::Tensor LossNetwork::backward(const Activations& activations, const LossFeatures& gradient,
                                 const std::vector<at::Tensor>& gradient_of_taps) const {
  const at::NoGradGuard no_grad;
  at::Tensor padded;  // gradient of the next convolution's padded input
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    const at::Tensor& output = activations.outputs[i];
    at::Tensor g;
    if (i + 1 < layers_.size() && layers_[i + 1].pool_before) {
      g = relu_pool_backward(output, padded);
    } else {
      at::Tensor direct, offset, slope;
      const auto add_direct = [&](const at::Tensor& more) {
        const at::Tensor converted = more.to(dtype_).contiguous(at::MemoryFormat::ChannelsLast);
        direct = direct.defined() ? direct + converted : converted;
      };
      if (layer.tap >= 0 && gradient.mean[layer.tap].defined()) {
        // d mean / d x = 1 / HW and d std / d x = (x - mean) / (HW std).
        const double count = static_cast<double>(output.size(2) * output.size(3));
        slope = (gradient.std[layer.tap] / activations.features.std[layer.tap] / count).contiguous();
        offset = (gradient.mean[layer.tap] / count - slope * activations.features.mean[layer.tap]).contiguous();
      }
      if (layer.tap == kLossTaps - 1 && gradient.deepest.defined()) add_direct(gradient.deepest);
      if (layer.tap >= 0 && !gradient_of_taps.empty() && gradient_of_taps[layer.tap].defined()) {
        add_direct(gradient_of_taps[layer.tap]);
      }
      g = relu_backward(output, padded, direct, offset, slope);
    }
    // Only the shape of the convolution's input matters for the gradient with regard to it.
    const at::Tensor shape = at::empty({g.size(0), layer.weight.size(1), g.size(2) + 2, g.size(3) + 2},
                                       g.options().memory_format(at::MemoryFormat::ChannelsLast));
    padded = std::get<0>(at::convolution_backward(g, shape, layer.weight, at::OptionalIntArrayRef(), {1, 1}, {0, 0}, {1, 1}, false,
                                                  {0, 0}, 1, {true, false, false}))
                 .contiguous(at::MemoryFormat::ChannelsLast);
  }
  return pad_reflect_backward(padded).to(at::kFloat);
}

}  // namespace adainstyle
