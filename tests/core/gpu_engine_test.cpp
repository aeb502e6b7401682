// SPDX-License-Identifier: MIT
// The GPU engine without a GPU: its kernels' bodies, its order of work and its graphs, on a double of the device's queue.
#include "engine/gpu_engine.h"

#include <gtest/gtest.h>

#include <c10/core/InferenceMode.h>

#include "adainstyle/error.h"
#include "core/recording_queue.h"
#include "core/test_networks.h"
#include "gpu/picture.h"

namespace adainstyle {
namespace {

using namespace test;

// In 255ths: see engine_test.cpp. Float32 is held to 1e-4 of the range, plus the rounding to bytes.
constexpr float kNear = 2.0f;
constexpr float kExact = 0.5f + 255 * 1e-4f;

struct GpuCase {
  std::string network;
  int width;
  int height;
  float strength = 1.0f;
};

void PrintTo(const GpuCase& c, std::ostream* stream) {
  *stream << c.network << " " << c.width << "x" << c.height << " strength " << c.strength;
}

class GpuEngineNetworks : public testing::TestWithParam<GpuCase> {
 protected:
  // Of a frame that is run kernel by kernel, one that is recorded, and one that is replayed.
  static Distance farthest(Precision precision, unsigned seed) {
    const c10::InferenceMode inference;
    const auto& [network, width, height, strength] = GetParam();
    const Model model = random_model(network_named(network), seed);
    const auto log = std::make_shared<QueueLog>();
    const std::unique_ptr<Engine> engine = prepared_on(log, model, precision)->make_engine(0);
    const Frame style = Frame::waves(72, 56, 4);
    const StyleStatistics statistics = engine->encode_style(style.view());
    Distance farthest;
    for (unsigned frame = 3; frame < 6; ++frame) {
      const Frame content = Frame::waves(width, height, frame);
      Frame output(width, height);
      engine->stylize(content.view(), output.mutable_view(), statistics, strength);
      const Distance d = distance(output, plain_result(model, content, style, strength));
      farthest.largest = std::max(farthest.largest, d.largest);
      farthest.rms = std::max(farthest.rms, d.rms);
    }
    EXPECT_EQ(log->recordings, 1);
    EXPECT_EQ(log->replays, 2);
    return farthest;
  }
};

TEST_P(GpuEngineNetworks, Fp32EqualsPlain) { EXPECT_LE(farthest(Precision::kFp32, 11).largest, kExact); }
TEST_P(GpuEngineNetworks, Fp16IsNearPlain) { EXPECT_LE(farthest(Precision::kFp16, 19).rms, kNear); }
TEST_P(GpuEngineNetworks, Bf16IsNearPlain) { EXPECT_LE(farthest(Precision::kBf16, 19).rms, kNear); }

INSTANTIATE_TEST_SUITE_P(Networks, GpuEngineNetworks,
                         testing::Values(GpuCase{"small", 64, 48}, GpuCase{"small", 17, 23}, GpuCase{"small", 97, 64, 0.4f},
                                         GpuCase{"vgg19", 57, 41}, GpuCase{"vgg19", 17, 23, 0.0f}, GpuCase{"pointwise", 37, 26},
                                         GpuCase{"pending", 40, 29, 0.7f}, GpuCase{"picture first", 33, 30},
                                         GpuCase{"shuffles", 31, 26}));

// ---- Regions ----

struct GpuRegionCase {
  std::string network;
  int width;
  int height;
  float strength;
  bool outside;  // whether it has a style
};

void PrintTo(const GpuRegionCase& c, std::ostream* stream) {
  *stream << c.network << " " << c.width << "x" << c.height << " strength " << c.strength << (c.outside ? " two styles" : "");
}

class GpuEngineRegions : public testing::TestWithParam<GpuRegionCase> {
 protected:
  static Distance farthest(Precision precision, unsigned seed) {
    const c10::InferenceMode inference;
    const auto& [network, width, height, strength, with_outside] = GetParam();
    const Model model = random_model(network_named(network), seed);
    const auto log = std::make_shared<QueueLog>();
    const std::unique_ptr<Engine> engine = prepared_on(log, model, precision)->make_engine(0);
    const Frame style = Frame::waves(72, 56, 4);
    const Frame other = Frame::waves(56, 72, 5, 40);
    const std::vector<std::uint8_t> mask = disc(width, height);
    const StyleStatistics statistics = engine->encode_style(style.view());
    const StyleStatistics outside = engine->encode_style(other.view());
    FrameRegions regions{mask.data(), width, height, 1};
    if (with_outside) regions.outside = &outside;
    engine->set_regions(regions);
    const at::Tensor inside = extended_mask(mask, width, height, lower(model, false));
    const Frame content = Frame::waves(width, height, 3);
    const at::Tensor expected = plain_regions_result(model, content, inside, style, with_outside ? &other : nullptr, strength);
    Distance farthest;
    for (int frame = 0; frame < 3; ++frame) {
      Frame output(width, height);
      engine->stylize(content.view(), output.mutable_view(), statistics, strength);
      const Distance d = distance(output, expected);
      farthest.largest = std::max(farthest.largest, d.largest);
      farthest.rms = std::max(farthest.rms, d.rms);
    }
    EXPECT_EQ(log->replays, 2);
    return farthest;
  }
};

TEST_P(GpuEngineRegions, Fp32EqualsPlain) { EXPECT_LE(farthest(Precision::kFp32, 11).largest, kExact); }
TEST_P(GpuEngineRegions, Fp16IsNearPlain) { EXPECT_LE(farthest(Precision::kFp16, 19).rms, kNear); }

INSTANTIATE_TEST_SUITE_P(Networks, GpuEngineRegions,
                         testing::Values(GpuRegionCase{"small", 64, 48, 1.0f, true}, GpuRegionCase{"small", 65, 49, 0.5f, true},
                                         GpuRegionCase{"small", 64, 66, 0.3f, false}, GpuRegionCase{"vgg19", 41, 33, 0.6f, true},
                                         GpuRegionCase{"pending", 40, 29, 0.7f, false},
                                         GpuRegionCase{"shuffles", 31, 26, 1.0f, true}));

// ---- Passes ----

// A frame's work besides reading and writing the picture.
QueueLog work_of_a_frame(const char* network) {
  const c10::InferenceMode inference;
  const Model model = random_model(network_named(network), 19);
  const auto log = std::make_shared<QueueLog>();
  const std::unique_ptr<Engine> engine = prepared_on(log, model, Precision::kFp16)->make_engine(0);
  const StyleStatistics style = engine->encode_style(Frame::waves(32, 32, 4).view());
  log->jobs.clear();
  log->convolutions = 0;
  Frame output(32, 32);
  engine->stylize(Frame::waves(32, 32, 3).view(), output.mutable_view(), style, 1.0f);
  return *log;
}

using Jobs = std::map<FeatureJob::Kind, int>;
using Kind = FeatureJob::Kind;

// No pass for padding or additions of a bias, but for those of small borders. What is kept is read for statistics: relu4_1, and what the
// three phase convolutions in 16 bits ask of their inputs.
TEST(GpuEnginePasses, OfThePapersNetwork) {
  const QueueLog log = work_of_a_frame("vgg19");
  EXPECT_EQ(log.convolutions, 18);
  EXPECT_EQ(log.jobs,
            (Jobs{{Kind::kMaxPool, 3}, {Kind::kInterleave, 3}, {Kind::kAdaIN, 1}, {Kind::kKeep, 4}, {Kind::kBorder, 11}}));
}

TEST(GpuEnginePasses, OfTheSmallNetwork) {
  const QueueLog log = work_of_a_frame("small");
  EXPECT_EQ(log.convolutions, 12);
  EXPECT_EQ(log.jobs, (Jobs{{Kind::kAdd, 4}, {Kind::kInterleave, 1}, {Kind::kAdaIN, 3}, {Kind::kBorder, 6}}));
}

// ---- Pictures ----

// What tests/gpu.sh asks of a GPU, of the bodies of its kernels.
TEST(GpuEnginePictures, EveryFormatAndSizeIsPaintedAsTheCpuDoes) {
  const c10::InferenceMode inference;
  const Model model = read_model(default_model_path());
  const std::unique_ptr<Engine> cpu = prepare_torch(model, Precision::kFp32)->make_engine(1);
  const std::unique_ptr<Engine> gpu = prepared_on(std::make_shared<QueueLog>(), model, Precision::kFp16)->make_engine(0);
  const Picture style(PixelFormat::kRGB, 96, 96, 5);
  const StyleStatistics on_cpu = cpu->encode_style(style.view());
  const StyleStatistics on_gpu = gpu->encode_style(style.view());
  for (const PixelFormat format : kAllFormats) {
    for (const auto& [width, height] : {std::pair{16, 16}, std::pair{33, 21}, std::pair{62, 47}}) {
      SCOPED_TRACE(std::to_string(static_cast<int>(format)) + " " + std::to_string(width) + "x" + std::to_string(height));
      const Picture input(format, width, height, 1);
      Picture expected(format, width, height, 2);
      Picture output(format, width, height, 3);
      cpu->stylize(input.view(), expected.mutable_view(), on_cpu, 1.0f);
      gpu->stylize(input.view(), output.mutable_view(), on_gpu, 1.0f);
      EXPECT_LE(output.distance(expected), sixteen_bit_bound(width));
      Picture in_place = input.on(at::kCPU);
      gpu->stylize(in_place.view(), in_place.mutable_view(), on_gpu, 1.0f);
      EXPECT_EQ(in_place.distance(output), 0);
    }
  }
}

// Where a channel has no spread, AdaIN magnifies some hundred times whatever rounding makes of it: see Note [Flat frames].
TEST(GpuEnginePictures, AFlatFrameIsPaintedAsInFloat32) {
  const c10::InferenceMode inference;
  const Model model = read_model(default_model_path());
  const std::unique_ptr<Engine> cpu = prepare_torch(model, Precision::kFp32)->make_engine(1);
  const StyleStatistics style = cpu->encode_style(Frame::waves(72, 56, 4).view());
  const std::unique_ptr<Engine> fp16 = prepared_on(std::make_shared<QueueLog>(), model, Precision::kFp16)->make_engine(0);
  for (const std::uint8_t grey : {0, 77, 255}) {
    Frame frame(64, 48);
    std::fill(frame.bytes.begin(), frame.bytes.end(), grey);
    Frame expected(64, 48);
    Frame output(64, 48);
    cpu->stylize(frame.view(), expected.mutable_view(), style, 1.0f);
    fp16->stylize(frame.view(), output.mutable_view(), style, 1.0f);
    EXPECT_LE(largest_difference(output, expected), 4) << int{grey};
  }
}

}  // namespace
}  // namespace adainstyle
