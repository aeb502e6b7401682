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

#include "core/test_networks.h"
#include "network_presets.h"
#include "pixels/pixel_body.h"
#include "support/frames.h"
#include "support/shared_files.h"

namespace adainstyle {
namespace {

using namespace test;

Distance engine_distance(const PreparedModel& prepared, const Model& model, int width, int height, float strength) {
  const c10::InferenceMode inference;
  const Frame content = Frame::waves(width, height, 3);
  const Frame style = Frame::waves(72, 56, 4);
  const std::unique_ptr<Engine> engine = prepared.make_engine(2);
  Frame output(width, height);
  engine->stylize(content.view(), output.mutable_view(), engine->encode_style(style.view()), strength);
  return distance(output, plain_result(model, content, style, strength));
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
  const auto prepared = prepare_torch(model, Precision::kFp32);
  const Distance d = engine_distance(*prepared, model, GetParam().width, GetParam().height, GetParam().strength);
  EXPECT_LE(d.largest, 0.5f + 255 * 1e-4f);
}

TEST_P(EngineTest, TorchBf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  const auto prepared = prepare_torch(model, Precision::kBf16);
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
    return distance(output, plain_regions_result(model, content, inside, style, with_outside ? &other : nullptr, strength));
  }
};

TEST_P(EngineRegions, TorchFp32EqualsPlain) {
  const Model model = random_model(network_named(GetParam().network), 11);
  EXPECT_LE(run(*prepare_torch(model, Precision::kFp32), model).largest, 0.5f + 255 * 1e-4f);
}

TEST_P(EngineRegions, TorchBf16IsNearPlain) {
  const Model model = random_model(network_named(GetParam().network), 19);
  EXPECT_LE(run(*prepare_torch(model, Precision::kBf16), model).rms, kNear);
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
  EXPECT_LE(run(*prepare_torch(model(), Precision::kFp32), Example()).largest, 0.5f + 255 * 1e-3f);
}

TEST_F(EngineExample, SixteenBitIsNearTheCheckpointsOutput) {
  ADAINSTYLE_NEEDS_SHARED("checkpoints/small.example.safetensors");
  for (const Precision precision : {Precision::kBf16, Precision::kFp16}) {
    const Distance d = run(*prepare_torch(model(), precision), Example());
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
