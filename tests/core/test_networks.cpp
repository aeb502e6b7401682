// SPDX-License-Identifier: MIT
#include "core/test_networks.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>

#include "network_presets.h"
#include "pixels/pixel_body.h"

namespace adainstyle::test {
namespace {

Network network_of(const char* json) { return network_from_json(nlohmann::json::parse(json)); }

// Orders of operations that no preset has, one for each turn the lowering can take.
Network unusual_network(const std::string& name) {
  if (name == "pointwise") {  // 1x1 layers before, between and after 3x3 ones, with and without ReLU
    return network_of(R"({"encoder": [
      {"op": "conv1x1", "name": "e0", "inputs": 3, "outputs": 5, "relu": false},
      {"op": "conv1x1", "name": "e1", "inputs": 5, "outputs": 20, "relu": false},
      {"op": "conv3x3", "name": "e2", "inputs": 20, "outputs": 40, "stride": 2, "relu": true},
      {"op": "conv1x1", "name": "e3", "inputs": 40, "outputs": 70, "relu": true}, {"op": "tap", "index": 0}],
      "decoder": [{"op": "adain", "tap": 0}, {"op": "conv1x1", "name": "d0", "inputs": 70, "outputs": 24, "relu": false},
      {"op": "upsample_nearest", "factor": 2}, {"op": "conv1x1", "name": "d1", "inputs": 24, "outputs": 16, "relu": true},
      {"op": "conv3x3", "name": "d2", "inputs": 16, "outputs": 3, "relu": false}]})");
  }
  if (name == "pending") {  // AdaIN that waits through pooling and upsampling, twice in a row, and to the very end
    return network_of(R"({"encoder": [
      {"op": "conv3x3", "name": "e0", "inputs": 3, "outputs": 32, "relu": true}, {"op": "tap", "index": 0},
      {"op": "max_pool"}, {"op": "conv3x3", "name": "e1", "inputs": 32, "outputs": 32, "relu": true}, {"op": "tap", "index": 1},
      {"op": "conv3x3", "name": "e2", "inputs": 32, "outputs": 3, "relu": false}, {"op": "tap", "index": 2},
      {"op": "conv3x3", "name": "e3", "inputs": 3, "outputs": 32, "relu": true}],
      "decoder": [{"op": "adain", "tap": 1}, {"op": "max_pool"}, {"op": "adain", "tap": 0}, {"op": "adain", "tap": 1},
      {"op": "upsample_nearest", "factor": 2}, {"op": "residual", "name": "d0", "channels": 32}, {"op": "adain", "tap": 0},
      {"op": "upsample_nearest", "factor": 2}, {"op": "conv3x3", "name": "d1", "inputs": 32, "outputs": 3, "relu": false},
      {"op": "adain", "tap": 2}]})");
  }
  if (name == "picture first") {  // operations that take the picture itself
    return network_of(R"({"encoder": [
      {"op": "residual", "name": "e0", "channels": 3}, {"op": "max_pool"},
      {"op": "conv3x3", "name": "e1", "inputs": 3, "outputs": 48, "stride": 2, "relu": true}, {"op": "tap", "index": 0}],
      "decoder": [{"op": "adain", "tap": 0}, {"op": "upsample_nearest", "factor": 2},
      {"op": "conv3x3", "name": "d0", "inputs": 48, "outputs": 12, "relu": false}, {"op": "pixel_shuffle", "factor": 2}]})");
  }
  // Shuffles in the middle, which the AVX-512 engine leaves to LibTorch.
  return network_of(R"({"encoder": [
      {"op": "conv3x3", "name": "e0", "inputs": 3, "outputs": 8, "relu": true}, {"op": "pixel_unshuffle", "factor": 2},
      {"op": "conv3x3", "name": "e1", "inputs": 32, "outputs": 32, "relu": true}, {"op": "tap", "index": 0}],
      "decoder": [{"op": "adain", "tap": 0}, {"op": "pixel_shuffle", "factor": 2},
      {"op": "conv3x3", "name": "d0", "inputs": 8, "outputs": 3, "relu": false}]})");
}

}  // namespace

at::Tensor extended_tensor(const Frame& picture, const Plan& plan) {
  const int height = extended_side(plan, picture.height);
  const int width = extended_side(plan, picture.width);
  std::vector<float> values(static_cast<std::size_t>(3) * height * width);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const std::size_t source =
            static_cast<std::size_t>(reflect_index(y, picture.height)) * picture.width + reflect_index(x, picture.width);
        values[(static_cast<std::size_t>(c) * height + y) * width + x] = picture.bytes[source * 3 + c] / 255.0f;
      }
    }
  }
  return at::from_blob(values.data(), {1, 3, height, width}, at::kFloat).clone();
}

TensorMap tensors_of(const Model& model) {
  TensorMap tensors;
  for (const auto& [name, data] : model.weights) {
    tensors[name] = at::from_blob(const_cast<float*>(data.values.data()), data.shape, at::kFloat).clone();
  }
  return tensors;
}

at::Tensor plain_result(const Model& model, const Frame& content, const Frame& style, float strength) {
  const Plan plan = lower(model, false);
  const TensorMap weights = tensors_of(model);
  const Encoded encoded_style = plain_encode(model.network, weights, extended_tensor(style, plan));
  const Encoded encoded = plain_encode(model.network, weights, extended_tensor(content, plan));
  const at::Tensor output =
      plain_decode(model.network, weights, encoded.features, between(encoded.taps, encoded_style.taps, strength));
  return output[0].narrow(1, 0, content.height).narrow(2, 0, content.width);
}

Model random_model(const Network& network, unsigned seed) {
  Model model;
  model.network = network;
  std::mt19937 random(seed);
  for (const TensorSpec& spec : required_tensors(network)) {
    TensorData& tensor = model.weights[spec.name];
    tensor.shape = spec.shape;
    std::int64_t inputs = 1;
    for (std::size_t i = 1; i < spec.shape.size(); ++i) inputs *= spec.shape[i];
    const bool is_weight = spec.shape.size() == 4;
    std::normal_distribution<float> values(is_weight ? 0.0f : 0.3f,
                                           is_weight ? std::sqrt(1.5f / static_cast<float>(inputs)) : 0.1f);
    tensor.values.resize(spec.shape[0] * inputs);
    for (float& value : tensor.values) value = values(random);
  }
  const at::Tensor output = plain_result(model, Frame::waves(48, 48, 1), Frame::waves(48, 48, 2), 1.0f);
  const float mean = output.mean().item<float>();
  const float std = output.std().item<float>();
  const std::vector<TensorSpec> specs = required_tensors(network);
  for (const TensorSpec& spec : {specs[specs.size() - 2], specs.back()}) {
    for (float& value : model.weights[spec.name].values) value *= 0.15f / std;
    if (spec.shape.size() == 1) {
      for (float& value : model.weights[spec.name].values) value += 0.5f - mean * 0.15f / std;
    }
  }
  return model;
}

Distance distance(const Frame& picture, const at::Tensor& expected) {
  const at::Tensor bytes =
      at::from_blob(const_cast<std::uint8_t*>(picture.bytes.data()), {picture.height, picture.width, 3}, at::kByte)
          .permute({2, 0, 1});
  const at::Tensor difference = (bytes.to(at::kFloat) - expected.clamp(0, 1) * 255.0f).abs();
  return {difference.max().item<float>(), difference.square().mean().sqrt().item<float>()};
}

Network network_named(const std::string& name) {
  const std::vector<std::string> presets = preset_names();
  return std::find(presets.begin(), presets.end(), name) != presets.end() ? preset_network(name) : unusual_network(name);
}

std::vector<std::uint8_t> disc(int width, int height) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double distance = std::hypot(x - 0.4 * width, y - 0.55 * height) / std::min(width, height);
      mask[static_cast<std::size_t>(y) * width + x] = static_cast<std::uint8_t>(std::clamp((0.4 - distance) * 2000.0, 0.0, 255.0));
    }
  }
  return mask;
}

at::Tensor extended_mask(const std::vector<std::uint8_t>& mask, int width, int height, const Plan& plan) {
  Frame frame(width, height);
  for (std::size_t i = 0; i < mask.size(); ++i) std::fill_n(&frame.bytes[i * 3], 3, mask[i]);
  return extended_tensor(frame, plan).narrow(1, 0, 1);
}

at::Tensor plain_regions_result(const Model& model, const Frame& content, const at::Tensor& inside, const Frame& style,
                                const Frame* outside, float strength) {
  const Plan plan = lower(model, false);
  const TensorMap weights = tensors_of(model);
  const auto targets = [&](const Frame& picture, const at::Tensor& region) {
    const Encoded own = plain_encode_region(model.network, weights, extended_tensor(content, plan), region);
    return between(own.taps, plain_encode(model.network, weights, extended_tensor(picture, plan)).taps, strength);
  };
  const Encoded encoded = plain_encode(model.network, weights, extended_tensor(content, plan));
  const std::vector<ChannelStatistics> other = outside ? targets(*outside, 1 - inside) : std::vector<ChannelStatistics>();
  const at::Tensor output = plain_decode_regions(model.network, weights, encoded.features, inside, targets(style, inside), other);
  return output[0].narrow(1, 0, content.height).narrow(2, 0, content.width);
}

}  // namespace adainstyle::test
