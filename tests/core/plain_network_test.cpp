// SPDX-License-Identifier: MIT
#include "plain_network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/square.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "adainstyle/error.h"
#include "json_text.h"
#include "network_presets.h"
#include "support/shared_files.h"

namespace adainstyle {
namespace {

constexpr std::uint64_t kSeed = 20170320;

float largest_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return at::abs(a.to(at::kFloat) - b.to(at::kFloat)).max().item<float>();
}

at::Tensor random_picture(std::int64_t height, std::int64_t width, at::Generator generator) {
  return at::rand({1, 3, height, width}, generator, at::kFloat);
}

// Scaled by the number of inputs, so that features keep their size through the layers.
TensorMap random_weights(const Network& network, at::Generator generator) {
  TensorMap weights;
  for (const TensorSpec& spec : required_tensors(network)) {
    double inputs = 1;
    for (std::size_t i = 1; i < spec.shape.size(); ++i) inputs *= static_cast<double>(spec.shape[i]);
    weights[spec.name] = at::randn(spec.shape, generator, at::kFloat) * (spec.shape.size() == 4 ? std::sqrt(2 / inputs) : 0.1);
  }
  return weights;
}

Operation operation(OpType type, const std::string& name = "", int inputs = 0, int outputs = 0, bool relu = false) {
  Operation result;
  result.type = type;
  result.name = name;
  result.inputs = inputs;
  result.outputs = outputs;
  result.relu = relu;
  return result;
}

// A picture of plain floats, and the operations on it written out as their definitions say.
struct Planes {
  int channels, height, width;
  std::vector<float> values;

  Planes(int c, int h, int w) : channels(c), height(h), width(w), values(static_cast<std::size_t>(c) * h * w) {}
  float& at(int c, int y, int x) { return values[(static_cast<std::size_t>(c) * height + y) * width + x]; }
  float at(int c, int y, int x) const { return values[(static_cast<std::size_t>(c) * height + y) * width + x]; }
};

Planes to_planes(const at::Tensor& tensor) {
  Planes planes(static_cast<int>(tensor.size(1)), static_cast<int>(tensor.size(2)), static_cast<int>(tensor.size(3)));
  const at::Tensor plain = tensor.contiguous();
  std::copy_n(plain.data_ptr<float>(), plain.numel(), planes.values.begin());
  return planes;
}

int reflect(int i, int size) { return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i; }

Planes by_definition_convolve(const Planes& in, const at::Tensor& weight, const at::Tensor& bias, int stride, bool relu) {
  const int kernel = static_cast<int>(weight.size(2));
  const int reach = kernel / 2;
  Planes out(static_cast<int>(weight.size(0)), in.height / stride, in.width / stride);
  const auto w = weight.accessor<float, 4>();
  for (int o = 0; o < out.channels; ++o) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        double sum = bias.data_ptr<float>()[o];
        for (int i = 0; i < in.channels; ++i) {
          for (int dy = 0; dy < kernel; ++dy) {
            for (int dx = 0; dx < kernel; ++dx) {
              sum += w[o][i][dy][dx] *
                     in.at(i, reflect(y * stride + dy - reach, in.height), reflect(x * stride + dx - reach, in.width));
            }
          }
        }
        out.at(o, y, x) = static_cast<float>(relu ? std::max(sum, 0.0) : sum);
      }
    }
  }
  return out;
}

Planes by_definition_pool(const Planes& in) {
  Planes out(in.channels, in.height / 2, in.width / 2);
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        out.at(c, y, x) = std::max(
            {in.at(c, 2 * y, 2 * x), in.at(c, 2 * y, 2 * x + 1), in.at(c, 2 * y + 1, 2 * x), in.at(c, 2 * y + 1, 2 * x + 1)});
      }
    }
  }
  return out;
}

Planes by_definition_upsample(const Planes& in) {
  Planes out(in.channels, in.height * 2, in.width * 2);
  for (int c = 0; c < out.channels; ++c) {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) out.at(c, y, x) = in.at(c, y / 2, x / 2);
    }
  }
  return out;
}

TEST(PlainNetwork, ComputesWhatTheOperationsAreDefinedAs) {
  Network network;
  network.encoder = {operation(OpType::kConv1x1, "a", 3, 5, true), operation(OpType::kMaxPool),
                     operation(OpType::kConv3x3, "b", 5, 4, true)};
  network.encoder.back().stride = 2;
  network.decoder = {operation(OpType::kUpsampleNearest), operation(OpType::kUpsampleNearest),
                     operation(OpType::kConv3x3, "c", 4, 3, false)};
  validate(network);
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const TensorMap weights = random_weights(network, generator);
  const at::Tensor picture = random_picture(12, 20, generator);

  Planes expected = by_definition_convolve(to_planes(picture), weights.at("a.weight"), weights.at("a.bias"), 1, true);
  expected = by_definition_convolve(by_definition_pool(expected), weights.at("b.weight"), weights.at("b.bias"), 2, true);
  expected = by_definition_upsample(by_definition_upsample(expected));
  expected = by_definition_convolve(expected, weights.at("c.weight"), weights.at("c.bias"), 1, false);

  const Encoded encoded = plain_encode(network, weights, picture);
  const Planes actual = to_planes(plain_decode(network, weights, encoded.features, {}));
  ASSERT_EQ(actual.values.size(), expected.values.size());
  for (std::size_t i = 0; i < expected.values.size(); ++i) ASSERT_NEAR(actual.values[i], expected.values[i], 1e-4f) << i;
}

TEST(PlainNetwork, ShufflesChannelsInTheOrderOfTheFormat) {
  Network network;
  network.encoder = {operation(OpType::kPixelUnshuffle)};
  network.decoder = {operation(OpType::kPixelShuffle)};
  const at::Tensor picture = random_picture(8, 6, at::detail::createCPUGenerator(kSeed));
  const Encoded encoded = plain_encode(network, {}, picture);
  const Planes before = to_planes(picture);
  const Planes after = to_planes(encoded.features);
  for (int c = 0; c < 3; ++c) {
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = 0; dx < 2; ++dx) EXPECT_EQ(after.at(c * 4 + dy * 2 + dx, 3, 1), before.at(c, 6 + dy, 2 + dx));
    }
  }
  EXPECT_EQ(largest_difference(plain_decode(network, {}, encoded.features, {}), picture), 0.0f);
}

TEST(PlainNetwork, StatisticsAreBiasedAndFloat32) {
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const at::Tensor features = (at::randn({2, 3, 7, 5}, generator, at::kFloat) * 3 + 10).to(at::kBFloat16);
  const float eps = 0.25f;
  const ChannelStatistics statistics = channel_statistics(features, eps);
  ASSERT_EQ(statistics.mean.scalar_type(), at::kFloat);
  ASSERT_EQ(statistics.std.scalar_type(), at::kFloat);
  const at::Tensor plain = features.to(at::kFloat).reshape({6, 35});
  const auto values = plain.accessor<float, 2>();
  for (int channel = 0; channel < 6; ++channel) {
    double mean = 0, variance = 0;
    for (int i = 0; i < 35; ++i) mean += values[channel][i] / 35.0;
    for (int i = 0; i < 35; ++i) variance += (values[channel][i] - mean) * (values[channel][i] - mean) / 35.0;
    EXPECT_NEAR(statistics.mean.reshape({6})[channel].item<double>(), mean, 1e-4);
    EXPECT_NEAR(statistics.std.reshape({6})[channel].item<double>(), std::sqrt(variance + eps), 1e-4);
  }
}

TEST(PlainNetwork, AdainGivesTheStylesStatistics) {
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const at::Tensor content = at::randn({1, 8, 20, 30}, generator, at::kFloat) * 4 + 1;
  const at::Tensor style = at::randn({1, 8, 11, 13}, generator, at::kFloat) * 0.5 - 2;
  const ChannelStatistics wanted = channel_statistics(style, 1e-5f);
  const ChannelStatistics got = channel_statistics(adain(content, wanted, 1e-5f), 1e-5f);
  EXPECT_LT(largest_difference(got.mean, wanted.mean), 1e-4f);
  EXPECT_LT(largest_difference(got.std, wanted.std), 1e-4f);
}

TEST(PlainNetwork, StrengthMixesContentAndStyle) {
  Network network;
  Operation tap = operation(OpType::kTap);
  Operation adain_here = operation(OpType::kAdaIN);
  tap.tap = adain_here.tap = 0;
  network.encoder = {tap};
  network.decoder = {adain_here};
  validate(network);
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const at::Tensor content = random_picture(16, 16, generator);
  const auto style = plain_encode(network, {}, random_picture(16, 24, generator) * 0.3).taps;
  const auto own = plain_encode(network, {}, content).taps;
  const at::Tensor none = plain_decode(network, {}, content, between(own, style, 0.0f));
  const at::Tensor half = plain_decode(network, {}, content, between(own, style, 0.5f));
  const at::Tensor full = plain_decode(network, {}, content, style);
  EXPECT_LT(largest_difference(none, content), 1e-6f);
  EXPECT_GT(largest_difference(full, content), 0.1f);
  EXPECT_LT(largest_difference(half, (content + full) * 0.5), 1e-6f);
}

TEST(PlainNetwork, EveryPresetGivesEveryWeightAGradient) {
  for (const std::string& name : preset_names()) {
    SCOPED_TRACE(name);
    const at::Generator generator = at::detail::createCPUGenerator(kSeed);
    const Network network = preset_network(name);
    TensorMap weights = random_weights(network, generator);
    for (auto& [tensor_name, tensor] : weights) tensor.requires_grad_(true);
    const auto style = plain_encode(network, weights, random_picture(16, 32, generator)).taps;
    const at::Tensor output =
        plain_decode(network, weights, plain_encode(network, weights, random_picture(32, 16, generator)).features, style);
    ASSERT_EQ(output.sizes(), at::IntArrayRef({1, 3, 32, 16}));
    at::square(output).mean().backward();
    for (const auto& [tensor_name, tensor] : weights) {
      ASSERT_TRUE(tensor.grad().defined()) << tensor_name;
      EXPECT_TRUE(at::isfinite(tensor.grad()).all().item<bool>()) << tensor_name;
      EXPECT_GT(at::abs(tensor.grad()).max().item<float>(), 0.0f) << tensor_name;
    }
  }
}

TEST(PlainNetwork, RunsInBfloat16) {
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const Network network = preset_network("small");
  const TensorMap weights = random_weights(network, generator);
  TensorMap rounded;
  for (const auto& [name, tensor] : weights) rounded[name] = tensor.to(at::kBFloat16);
  const at::Tensor picture = random_picture(64, 48, generator);
  const at::Tensor style = random_picture(32, 32, generator);
  const auto run = [&](const TensorMap& tensors, at::ScalarType type) {
    return plain_decode(network, tensors, plain_encode(network, tensors, picture.to(type)).features,
                        plain_encode(network, tensors, style.to(type)).taps);
  };
  const at::Tensor exact = run(weights, at::kFloat);
  const at::Tensor coarse = run(rounded, at::kBFloat16);
  ASSERT_EQ(coarse.scalar_type(), at::kBFloat16);
  const float range = (exact.max() - exact.min()).item<float>();
  // Eight bits of mantissa through eleven layers.
  EXPECT_LT(largest_difference(exact, coarse), 0.05f * range);
}

TEST(PlainNetwork, RefusesPicturesItCannotEncode) {
  const Network network = preset_network("small");
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const TensorMap weights = random_weights(network, generator);
  const std::vector<std::vector<std::int64_t>> shapes = {
      {1, 3, 16, 18}, {1, 3, 17, 16}, {1, 3, 4, 16}, {1, 4, 16, 16}, {3, 16, 16}};
  for (const auto& shape : shapes) {
    try {
      plain_encode(network, weights, at::rand(shape, at::kFloat));
      ADD_FAILURE() << at::IntArrayRef(shape) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSettings);
    }
  }
}

TEST(PlainNetwork, NamesAMissingWeight) {
  const Network network = preset_network("small");
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  TensorMap weights = random_weights(network, generator);
  weights.erase("encoder.res1.b.bias");
  try {
    plain_encode(network, weights, random_picture(16, 16, generator));
    FAIL() << "a network without a weight ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMalformedModel);
    EXPECT_NE(std::string(error.what()).find("encoder.res1.b.bias"), std::string::npos) << error.what();
  }
}

TEST(PlainNetwork, WeightsSurviveTheWayToAFileAndBack) {
  const at::Generator generator = at::detail::createCPUGenerator(kSeed);
  const TensorMap weights = random_weights(preset_network("small"), generator);
  const TensorMap again = to_tensors(from_tensors(weights));
  ASSERT_EQ(again.size(), weights.size());
  for (const auto& [name, tensor] : weights) EXPECT_EQ(largest_difference(tensor, again.at(name)), 0.0f) << name;
}

TEST(PlainNetwork, GivesTheOutputThatComesWithTheTrainedModel) {
  ADAINSTYLE_NEEDS_SHARED("checkpoints/small.safetensors");
  const SafetensorsFile checkpoint = read_safetensors(test::shared_path("checkpoints/small.safetensors"));
  const SafetensorsFile example_file = read_safetensors(test::shared_path("checkpoints/small.example.safetensors"));
  const Network network = network_from_json(parse_json(checkpoint.metadata.at("network"), "network"));
  const TensorMap weights = to_tensors(checkpoint.tensors);
  const TensorMap example = to_tensors(example_file.tensors);

  const auto style = plain_encode(network, weights, example.at("style").unsqueeze(0)).taps;
  ASSERT_EQ(style.size(), 3u);
  for (std::size_t tap = 0; tap < style.size(); ++tap) {
    EXPECT_LT(largest_difference(style[tap].mean[0], example.at("style.mean" + std::to_string(tap))), 1e-3f) << tap;
    EXPECT_LT(largest_difference(style[tap].std[0], example.at("style.std" + std::to_string(tap))), 1e-3f) << tap;
  }
  const Encoded content = plain_encode(network, weights, example.at("content").unsqueeze(0));
  const at::Tensor output = plain_decode(network, weights, content.features, style);
  const float difference = largest_difference(output[0].clamp(0, 1), example.at("output").clamp(0, 1));
  RecordProperty("largest_difference", std::to_string(difference));
  EXPECT_LT(difference, 1e-3f);
}

}  // namespace
}  // namespace adainstyle
