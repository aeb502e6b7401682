// SPDX-License-Identifier: MIT
// The GPU engine without a GPU: its kernels' bodies, its order of work and its graphs, on a double of the device's queue.
#include "engine/gpu_engine.h"

#include <gtest/gtest.h>

#include <c10/core/InferenceMode.h>

#include "adainstyle/error.h"
#include "core/recording_queue.h"
#include "core/test_networks.h"
#include "engine/tiled_engine.h"
#include "network_presets.h"
#include "temporal.h"

namespace adainstyle {
namespace {

using namespace test;

// In 255ths: see engine_test.cpp. Float32 is held to 1e-4 of the range, plus the rounding to bytes.
constexpr float kNear = 2.0f;
constexpr float kExact = 0.5f + 255 * 1e-4f;

std::shared_ptr<const GpuModel> prepared_on(const std::shared_ptr<QueueLog>& log, const Model& model, Precision precision) {
  return std::make_shared<const GpuModel>(model, at::kCPU, precision, [log](at::ScalarType type) {
    return std::make_unique<RecordingQueue>(log, type);
  });
}

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

}  // namespace
}  // namespace adainstyle
