// SPDX-License-Identifier: MIT
#include "vgg_import.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "adainstyle/error.h"
#include "dataset.h"
#include "feature_kernels.h"
#include "loss_network.h"
#include "network_presets.h"
#include "validation.h"

namespace adainstyle {
namespace {

constexpr int kNormalisationSize = 256;  // pixels
constexpr float kSmallestMean = 1e-3f;   // a channel that is hardly ever active is not blown up

using Names = std::vector<std::pair<const char*, const char*>>;

// Takes the named layers over and checks their shapes against the preset's.
Weights renamed(const Weights& tensors, const Names& names, const std::string& source) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const TensorSpec& spec : required_tensors(preset_network("vgg19"))) shapes[spec.name] = spec.shape;
  Weights result;
  for (const auto& [from, to] : names) {
    for (const char* part : {".weight", ".bias"}) {
      const auto found = tensors.find(std::string(from) + part);
      if (found == tensors.end()) {
        throw Error(ErrorCode::kMalformedModel, source + " has no tensor " + from + part + "; is it the file this option is for?");
      }
      const std::string name = std::string(to) + part;
      if (found->second.shape != shapes.at(name)) {
        throw Error(ErrorCode::kMalformedModel, source + ": tensor " + from + part + " does not have the shape of " + name + ".");
      }
      result[name] = found->second;
    }
  }
  return result;
}

}  // namespace

Weights encoder_from_sequential(const Weights& tensors, const std::string& source) {
  static const Names kNames = {{"0", "conv0"},    {"2", "conv1_1"},  {"5", "conv1_2"},  {"9", "conv2_1"},  {"12", "conv2_2"},
                               {"16", "conv3_1"}, {"19", "conv3_2"}, {"22", "conv3_3"}, {"25", "conv3_4"}, {"29", "conv4_1"}};
  return renamed(tensors, kNames, source);
}

Weights decoder_from_sequential(const Weights& tensors, const std::string& source) {
  static const Names kNames = {{"1", "decoder.conv4_1"},  {"5", "decoder.conv3_4"},  {"8", "decoder.conv3_3"},
                               {"11", "decoder.conv3_2"}, {"14", "decoder.conv3_1"}, {"18", "decoder.conv2_2"},
                               {"21", "decoder.conv2_1"}, {"25", "decoder.conv1_2"}, {"28", "decoder.conv1_1"}};
  return renamed(tensors, kNames, source);
}

Weights encoder_from_torchvision(const Weights& tensors, const std::string& source) {
  static const Names kNames = {{"features.0", "conv1_1"},  {"features.2", "conv1_2"},  {"features.5", "conv2_1"},
                               {"features.7", "conv2_2"},  {"features.10", "conv3_1"}, {"features.12", "conv3_2"},
                               {"features.14", "conv3_3"}, {"features.16", "conv3_4"}, {"features.19", "conv4_1"}};
  constexpr float kMean[3] = {0.485f, 0.456f, 0.406f}, kDeviation[3] = {0.229f, 0.224f, 0.225f};
  Weights weights = renamed(tensors, kNames, source);
  TensorData scale = {{3, 3, 1, 1}, std::vector<float>(9, 0.0f)}, shift = {{3}, std::vector<float>(3)};
  for (int c = 0; c < 3; ++c) {
    scale.values[c * 3 + c] = 1.0f / kDeviation[c];
    shift.values[c] = -kMean[c] / kDeviation[c];
  }
  weights["conv0.weight"] = std::move(scale);
  weights["conv0.bias"] = std::move(shift);
  return weights;
}

void normalise_activations(Weights* encoder, const std::string& source, const std::string& folder, std::size_t max_pictures) {
  const LossNetwork network(*encoder, source, at::kFloat);
  std::vector<std::string> paths = find_pictures(folder);
  paths.resize(std::min(paths.size(), max_pictures));
  std::vector<at::Tensor> means;
  for (const std::string& path : paths) {
    const LossNetwork::Activations activations = network.forward(load_picture(path, kNormalisationSize));
    means.resize(activations.outputs.size());
    for (std::size_t i = 0; i < means.size(); ++i) {
      const at::Tensor& output = activations.outputs[i];
      const at::Tensor mean = channel_sums(output, output).select(1, 0)[0] / static_cast<double>(output.size(2) * output.size(3));
      means[i] = means[i].defined() ? means[i] + mean : mean;
    }
  }
  static constexpr const char* kLayers[] = {"conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1",
                                            "conv3_2", "conv3_3", "conv3_4", "conv4_1"};
  std::vector<float> before;  // by how much the layer's inputs have become smaller
  for (std::size_t layer = 0; layer < means.size(); ++layer) {
    TensorData& weight = encoder->at(std::string(kLayers[layer]) + ".weight");
    TensorData& bias = encoder->at(std::string(kLayers[layer]) + ".bias");
    const std::int64_t outputs = weight.shape[0], inputs = weight.shape[1], taps = weight.shape[2] * weight.shape[3];
    std::vector<float> mean(outputs);
    for (std::int64_t o = 0; o < outputs; ++o) {
      mean[o] = std::max(means[layer][o].item<float>() / static_cast<float>(paths.size()), kSmallestMean);
      bias.values[o] /= mean[o];
      for (std::int64_t k = 0; k < inputs * taps; ++k) {
        weight.values[o * inputs * taps + k] *= (before.empty() ? 1.0f : before[k / taps]) / mean[o];
      }
    }
    before = std::move(mean);
  }
}

}  // namespace adainstyle
