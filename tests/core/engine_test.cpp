// SPDX-License-Identifier: MIT
#include "engine/engine.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>

#include "network_presets.h"
#include "pixels/pixel_body.h"
#include "plain_network.h"
#include "support/frames.h"
#include "support/shared_files.h"

namespace adainstyle {
namespace {

using test::Frame;

// [1, 3, H, W] in 0..1, extended by reflection to the plan's sizes.
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

// The decoded picture [3, H, W], cropped, as the plain network computes it in float32.
at::Tensor plain_result(const Model& model, const Frame& content, const Frame& style, float strength) {
  const Plan plan = lower(model, false);
  const TensorMap weights = tensors_of(model);
  const Encoded encoded_style = plain_encode(model.network, weights, extended_tensor(style, plan));
  const Encoded encoded = plain_encode(model.network, weights, extended_tensor(content, plan));
  const at::Tensor output =
      plain_decode(model.network, weights, encoded.features, between(encoded.taps, encoded_style.taps, strength));
  return output[0].narrow(1, 0, content.height).narrow(2, 0, content.width);
}

// Random weights that keep the size of the features, and a last layer that fills the range of a picture. Biases keep most channels
// away from ReLU's zero: AdaIN magnifies a channel that is almost dead, and with it the rounding of any number format.
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

// Largest and root mean square distance of a picture from what it should be, in units of 1/255. Rounding to bytes costs up to 0.5.
struct Distance {
  float largest = 0;
  float rms = 0;
};

Distance distance(const Frame& picture, const at::Tensor& expected) {
  const at::Tensor bytes =
      at::from_blob(const_cast<std::uint8_t*>(picture.bytes.data()), {picture.height, picture.width, 3}, at::kByte)
          .permute({2, 0, 1});
  const at::Tensor difference = (bytes.to(at::kFloat) - expected.clamp(0, 1) * 255.0f).abs();
  return {difference.max().item<float>(), difference.square().mean().sqrt().item<float>()};
}

Distance engine_distance(const PreparedModel& prepared, const Model& model, int width, int height, float strength) {
  const c10::InferenceMode inference;
  const Frame content = Frame::waves(width, height, 3);
  const Frame style = Frame::waves(72, 56, 4);
  const std::unique_ptr<Engine> engine = prepared.make_engine(2);
  Frame output(width, height);
  engine->stylize(content.view(), output.mutable_view(), engine->encode_style(style.view()), strength);
  return distance(output, plain_result(model, content, style, strength));
}

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

Network network_named(const std::string& name) {
  const std::vector<std::string> presets = preset_names();
  return std::find(presets.begin(), presets.end(), name) != presets.end() ? preset_network(name) : unusual_network(name);
}

struct Case {
  std::string network;
  int width;
  int height;
  float strength = 1.0f;
};

void PrintTo(const Case& c, std::ostream* stream) {
  *stream << c.network << " " << c.width << "x" << c.height << " strength " << c.strength;
}

// In 255ths. With trained weights no pixel is farther from float32 than this; random weights have channels with next to no spread,
// which AdaIN magnifies together with their rounding, and are held to it in the root mean square.
constexpr float kNear = 2.0f;

class EngineTest : public testing::TestWithParam<Case> {};

TEST_P(EngineTest, TorchFp32EqualsPlain) {
  const Model model = random_model(network_named(GetParam().network), 11);
  const auto prepared = prepare_torch(model, {}, Precision::kFp32);
  const Distance d = engine_distance(*prepared, model, GetParam().width, GetParam().height, GetParam().strength);
  EXPECT_LE(d.largest, 0.5f + 255 * 1e-4f);
}

TEST_P(EngineTest, TorchBf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  const auto prepared = prepare_torch(model, {}, Precision::kBf16);
  const Distance d = engine_distance(*prepared, model, GetParam().width, GetParam().height, GetParam().strength);
  EXPECT_LE(d.rms, kNear);
}

TEST_P(EngineTest, Avx512Bf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  if (!avx512_engine_supports(lower(model, true))) GTEST_SKIP() << "this CPU or this network is not for the AVX-512 engine";
  const auto prepared = prepare_avx512(model);
  const Distance d = engine_distance(*prepared, model, GetParam().width, GetParam().height, GetParam().strength);
  EXPECT_LE(d.rms, kNear);
}

// ---- Regions ----

// A soft disc off the middle, and its version as an engine is given it.
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

struct RegionCase {
  std::string network;
  int width;
  int height;
  float strength;
  bool outside;  // whether it has a style
};

void PrintTo(const RegionCase& c, std::ostream* stream) {
  *stream << c.network << " " << c.width << "x" << c.height << " strength " << c.strength << (c.outside ? " two styles" : "");
}

class EngineRegions : public testing::TestWithParam<RegionCase> {
 protected:
  // Extended as a picture is.
  static at::Tensor extended_mask(const std::vector<std::uint8_t>& mask, int width, int height, const Plan& plan) {
    Frame frame(width, height);
    for (std::size_t i = 0; i < mask.size(); ++i) std::fill_n(&frame.bytes[i * 3], 3, mask[i]);
    return extended_tensor(frame, plan).narrow(1, 0, 1);
  }

  static at::Tensor plain(const Model& model, const Frame& content, const at::Tensor& inside, const Frame& style,
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

  static Distance run(const PreparedModel& prepared, const Model& model) {
    const c10::InferenceMode inference;
    const auto [network, width, height, strength, with_outside] = GetParam();
    const Frame content = Frame::waves(width, height, 3);
    const Frame style = Frame::waves(72, 56, 4);
    const Frame other = Frame::waves(56, 72, 5, 40);
    const std::vector<std::uint8_t> mask = disc(width, height);
    const std::unique_ptr<Engine> engine = prepared.make_engine(2);
    const StyleStatistics statistics = engine->encode_style(style.view());
    const StyleStatistics outside = engine->encode_style(other.view());
    FrameRegions regions{mask.data(), width, height, 1};
    if (with_outside) regions.outside = &outside;
    engine->set_regions(regions);
    Frame output(width, height);
    for (int frame = 0; frame < 2; ++frame) engine->stylize(content.view(), output.mutable_view(), statistics, strength);
    const at::Tensor inside = extended_mask(mask, width, height, lower(model, false));
    return distance(output, plain(model, content, inside, style, with_outside ? &other : nullptr, strength));
  }
};

TEST_P(EngineRegions, TorchFp32EqualsPlain) {
  const Model model = random_model(network_named(GetParam().network), 11);
  EXPECT_LE(run(*prepare_torch(model, {}, Precision::kFp32), model).largest, 0.5f + 255 * 1e-4f);
}

TEST_P(EngineRegions, TorchBf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  EXPECT_LE(run(*prepare_torch(model, {}, Precision::kBf16), model).rms, kNear);
}

TEST_P(EngineRegions, Avx512Bf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  if (!avx512_engine_supports(lower(model, true))) GTEST_SKIP() << "this CPU or this network is not for the AVX-512 engine";
  EXPECT_LE(run(*prepare_avx512(model), model).rms, kNear);
}

INSTANTIATE_TEST_SUITE_P(Networks, EngineRegions,
                         testing::Values(RegionCase{"small", 64, 48, 1.0f, true}, RegionCase{"small", 65, 49, 0.5f, true},
                                         RegionCase{"small", 97, 64, 1.0f, false}, RegionCase{"small", 64, 66, 0.3f, false},
                                         RegionCase{"vgg19", 41, 33, 0.6f, true}, RegionCase{"pending", 40, 29, 0.7f, false},
                                         RegionCase{"pending", 48, 40, 1.0f, true}, RegionCase{"shuffles", 31, 26, 1.0f, true}));

TEST(EngineBuffers, AreReusedAndFollowTheSize) {
  const Model model = random_model(preset_network("small"), 21);
  if (!avx512_engine_supports(lower(model, true))) GTEST_SKIP() << "this CPU has no AVX512-BF16";
  const std::unique_ptr<Engine> engine = prepare_avx512(model)->make_engine(2);
  const StyleStatistics style = engine->encode_style(Frame::waves(64, 64, 1).view());
  std::vector<std::uint8_t> first;
  std::size_t bytes = 0;
  for (const int width : {160, 80, 160}) {
    const Frame content = Frame::waves(width, 96, 3);
    for (int frame = 0; frame < 3; ++frame) {
      Frame output(width, 96);
      engine->stylize(content.view(), output.mutable_view(), style, 1.0f);
      if (width != 160) continue;
      if (first.empty()) {
        first = output.bytes;
        bytes = engine->workspace_bytes();
      }
      EXPECT_EQ(output.bytes, first);
      EXPECT_EQ(engine->workspace_bytes(), bytes);
    }
  }
}

// Chunks go to threads as they become free, but no result may depend on it beyond the last bit of a statistic.
TEST(EngineThreads, GiveTheSamePicture) {
  const Model model = random_model(preset_network("small"), 22);
  if (!avx512_engine_supports(lower(model, true))) GTEST_SKIP() << "this CPU has no AVX512-BF16";
  const auto prepared = prepare_avx512(model);
  const Frame content = Frame::waves(130, 90, 3);
  const Frame style = Frame::waves(64, 64, 1);
  std::vector<Frame> outputs;
  for (const int threads : {1, 2, 5}) {
    const std::unique_ptr<Engine> engine = prepared->make_engine(threads);
    outputs.emplace_back(130, 90);
    engine->stylize(content.view(), outputs.back().mutable_view(), engine->encode_style(style.view()), 1.0f);
    for (std::size_t i = 0; i < outputs[0].bytes.size(); ++i) {
      ASSERT_NEAR(outputs.back().bytes[i], outputs[0].bytes[i], 1) << threads << " threads, byte " << i;
    }
  }
}

// The example beside the checkpoint: content, style, the style's statistics and the output that must come.
struct Example {
  Example() {
    const SafetensorsFile file = read_safetensors(test::shared_path("checkpoints/small.example.safetensors"));
    content = file.tensors.at("content");
    output = file.tensors.at("output");
    style = file.tensors.at("style");
    for (int tap = 0; tap < 3; ++tap) {
      const std::string index = std::to_string(tap);
      statistics.push_back({file.tensors.at("style.mean" + index).values, file.tensors.at("style.std" + index).values});
    }
  }

  // Values that are not whole 255ths are rounded, as a frame is.
  static Frame picture_of(const TensorData& tensor) {
    Frame picture(static_cast<int>(tensor.shape[2]), static_cast<int>(tensor.shape[1]));
    const std::size_t pixels = picture.bytes.size() / 3;
    for (std::size_t i = 0; i < pixels; ++i) {
      for (int c = 0; c < 3; ++c) picture.bytes[i * 3 + c] = to_byte(tensor.values[c * pixels + i]);
    }
    return picture;
  }

  TensorData content, output, style;
  StyleStatistics statistics;
};

class EngineExample : public testing::Test {
 protected:
  static Distance run(const PreparedModel& prepared, const Example& example) {
    const c10::InferenceMode inference;
    const Frame content = Example::picture_of(example.content);
    Frame output(content.width, content.height);
    const std::unique_ptr<Engine> engine = prepared.make_engine(2);
    engine->stylize(content.view(), output.mutable_view(), example.statistics, 1.0f);
    return distance(output, to_tensors({{"output", example.output}}).at("output"));
  }

  static Model model() {
    const SafetensorsFile file = read_safetensors(test::shared_path("checkpoints/small.safetensors"));
    Model model;
    model.network = network_from_json(nlohmann::json::parse(file.metadata.at("network")));
    model.weights = file.tensors;
    return model;
  }
};

TEST_F(EngineExample, Fp32GivesTheCheckpointsOutput) {
  ADAINSTYLE_NEEDS_SHARED("checkpoints/small.example.safetensors");
  EXPECT_LE(run(*prepare_torch(model(), {}, Precision::kFp32), Example()).largest, 0.5f + 255 * 1e-3f);
}

TEST_F(EngineExample, SixteenBitIsNearTheCheckpointsOutput) {
  ADAINSTYLE_NEEDS_SHARED("checkpoints/small.example.safetensors");
  for (const Precision precision : {Precision::kBf16, Precision::kFp16}) {
    const Distance d = run(*prepare_torch(model(), {}, precision), Example());
    EXPECT_LE(d.largest, kNear);
  }
  if (avx512_engine_supports(lower(model(), true))) {
    const Distance d = run(*prepare_avx512(model()), Example());
    EXPECT_LE(d.largest, kNear);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, EngineTest,
                         testing::Values(Case{"small", 64, 48}, Case{"small", 17, 23}, Case{"small", 65, 49},
                                         Case{"small", 97, 64, 0.4f}, Case{"wide", 50, 38}, Case{"vgg19", 64, 48},
                                         Case{"vgg19", 17, 23}, Case{"vgg19", 57, 41, 0.0f}, Case{"pointwise", 37, 26},
                                         Case{"pending", 40, 29, 0.7f}, Case{"picture first", 33, 30}, Case{"shuffles", 31, 26}));

}  // namespace
}  // namespace adainstyle
