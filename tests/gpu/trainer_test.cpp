// SPDX-License-Identifier: MIT
// What the trainer does on a GPU, held against the same on the CPU. Without a GPU every test is skipped and says why.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <tuple>

#include "adainstyle/error.h"
#include "augment.h"
#include "device.h"
#include "feature_kernels.h"
#include "network_presets.h"
#include "trainer/training_files.h"
#include "training_step.h"

namespace adainstyle {
namespace {

double relative_error(const at::Tensor& value, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kDouble), difference = value.to(at::kCPU, at::kDouble) - wide;
  return (difference.square().sum() / wide.square().sum()).sqrt().item<double>();
}

class GpuTrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      device_ = training_device("cuda");
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }

  at::Tensor values(at::IntArrayRef shape) {
    return at::randn(shape, at::detail::createCPUGenerator(++seed_), at::TensorOptions(at::kFloat));
  }
  at::Tensor features(at::IntArrayRef shape, at::ScalarType type) {
    return values(shape).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  }
  at::Tensor there(const at::Tensor& tensor) const { return tensor.defined() ? tensor.to(*device_) : tensor; }

  std::optional<at::Device> device_;
  std::uint64_t seed_ = 0;
};

TEST_F(GpuTrainerTest, PassesGiveWhatTheCpusDo) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    for (const auto& [h, w, c] : {std::tuple{4, 5, 3}, std::tuple{7, 10, 12}, std::tuple{96, 95, 64}}) {
      SCOPED_TRACE(std::string(at::toString(type)) + " " + std::to_string(h) + "x" + std::to_string(w));
      const double bound = type == at::kFloat ? 1e-6 : 4e-3;  // sums of several bfloat16 are rounded once, in another order
      const at::Tensor a = features({3, c, h, w}, type).relu_(), b = features({3, c, h, w}, type);
      const at::Tensor padded = features({3, c, h + 2, w + 2}, type);
      const at::Tensor pooled = features({3, c, (h + 1) / 2 + 2, (w + 1) / 2 + 2}, type);
      const at::Tensor offset = values({3, c}), slope = values({3, c});
      EXPECT_EQ(relative_error(pad_reflect(there(a)), pad_reflect(a)), 0.0);
      EXPECT_EQ(relative_error(pad_replicate(there(a)), pad_replicate(a)), 0.0);
      EXPECT_EQ(relative_error(pool_and_pad_reflect(there(a)), pool_and_pad_reflect(a)), 0.0);
      EXPECT_LT(relative_error(channel_sums(there(a), there(b)), channel_sums(a, b)), 1e-5);
      EXPECT_LT(relative_error(affine(there(a), there(slope), there(offset), there(b), there(offset)),
                               affine(a, slope, offset, b, offset)),
                bound);
      EXPECT_LT(relative_error(relu_backward(there(a), there(padded), there(b), there(offset), there(slope)),
                               relu_backward(a, padded, b, offset, slope)),
                bound);
      EXPECT_LT(relative_error(relu_backward(there(a), there(padded), {}, {}, {}), relu_backward(a, padded, {}, {}, {})), bound);
      EXPECT_LT(relative_error(relu_pool_backward(there(a), there(pooled)), relu_pool_backward(a, pooled)), bound);
      EXPECT_LT(relative_error(pad_reflect_backward(there(padded)), pad_reflect_backward(padded)), bound);
      EXPECT_LT(relative_error(pad_replicate_backward(there(padded)), pad_replicate_backward(padded)), bound);
      const at::Tensor phases = features({3, 4 * c, h + 1, w + 1}, type), gradient = features({3, c, 2 * h, 2 * w}, type);
      const at::Tensor made = interleave_phases(phases, true);
      EXPECT_EQ(relative_error(interleave_phases(there(phases), true), made), 0.0);
      EXPECT_EQ(relative_error(split_phases(there(gradient), there(made)), split_phases(gradient, made)), 0.0);
      EXPECT_EQ(relative_error(split_phases(there(gradient), {}), split_phases(gradient, {})), 0.0);
    }
  }
}

// All losses and the gradient of a step, with random weights in the loss network.
TEST_F(GpuTrainerTest, AStepIsTheCpus) {
  TrainOptions options;
  options.crop = 64;
  options.identity_weight = 2.0;
  options.noise_weight = 0.5;
  options.temporal_weight = 3.0;
  options.precision = "fp32";
  const auto bytes = [this] { return values({4, 3, 64, 64}).sigmoid().mul(255.0).to(at::kByte); };
  Batch batch;
  batch.content = bytes();
  batch.style = bytes();
  batch.noise = gaussian_noise(batch.content.narrow(0, 0, 2), kNoiseSigma, 3);
  for (std::size_t i = 0; i < 4; ++i) {
    batch.content_choices.push_back({i, 0});
    batch.style_choices.push_back({i, 0});
  }
  const Network network = preset_network("wide");
  const auto run = [&](at::Device device, at::Tensor* gradient) {
    const LossNetwork loss_network(test::random_vgg(3), "random weights", at::kFloat, device);
    TensorCache cache(std::size_t{1} << 26);
    TrainingStep step(options, network, loss_network, &cache);
    Parameters parameters(required_tensors(network), device);
    parameters.initialise(5);
    step.run(batch, 0, 0, 1, parameters, gradient);
    return step.run(batch, 0, 0, 1, parameters, gradient);  // again, with the features kept
  };
  at::Tensor expected, gradient;
  const LossValues on_cpu = run(at::kCPU, &expected), on_gpu = run(*device_, &gradient);
  ASSERT_EQ(on_gpu.size(), on_cpu.size());
  for (const auto& [name, value] : on_cpu) EXPECT_NEAR(on_gpu.at(name), value, 0.01 * std::abs(value)) << name;
  EXPECT_LT(relative_error(gradient, expected), 0.02);  // cuDNN multiplies in TF32
}

}  // namespace
}  // namespace adainstyle
