// SPDX-License-Identifier: MIT
#include "loss_network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/relu.h>
#include <gtest/gtest.h>

#include "adainstyle/error.h"
#include "device_passes.h"
#include "feature_kernels.h"
#include "network_presets.h"
#include "plain_network.h"
#include "support/expect_error.h"
#include "trained_layers.h"
#include "training_files.h"

namespace adainstyle {
namespace {

constexpr std::uint64_t kSeed = 4;

at::Tensor random_values(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat));
}

at::Tensor random_features(at::IntArrayRef shape, std::uint64_t seed) {
  return random_values(shape, seed).contiguous(at::MemoryFormat::ChannelsLast);
}

double largest(const at::Tensor& difference) { return difference.abs().max().item<double>(); }

double relative_error(const at::Tensor& value, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kDouble);
  return ((value.to(at::kDouble) - wide).square().sum() / wide.square().sum()).sqrt().item<double>();
}

// The gradient that autograd finds for what `function` makes of `input`.
template <typename Function>
at::Tensor autograd_of(const at::Tensor& input, const at::Tensor& gradient, const Function& function) {
  const at::Tensor leaf = input.detach().clone().requires_grad_(true);
  function(leaf).backward(gradient);
  return leaf.grad();
}

class FeatureKernels : public ::testing::TestWithParam<std::pair<int, int>> {
 protected:
  const std::int64_t height_ = GetParam().first, width_ = GetParam().second;
};

TEST_P(FeatureKernels, PaddingIsATensAndItsAdjoint) {
  const at::Tensor input = random_features({2, 5, height_, width_}, kSeed);
  const auto pad = [](const at::Tensor& x) { return at::reflection_pad2d(x, {1, 1, 1, 1}); };
  EXPECT_EQ(largest(pad_reflect(input) - pad(input)), 0.0);
  const at::Tensor gradient = random_features({2, 5, height_ + 2, width_ + 2}, kSeed + 1);
  EXPECT_LT(largest(pad_reflect_backward(gradient) - autograd_of(input, gradient, pad)), 1e-5);
}

TEST_P(FeatureKernels, PoolingAndItsGradientAreATens) {
  const at::Tensor before = random_features({2, 7, height_, width_}, kSeed);
  const auto pool = [](const at::Tensor& x) {
    return at::reflection_pad2d(at::max_pool2d(at::relu(x), {2, 2}, {2, 2}, {0, 0}, {1, 1}, true), {1, 1, 1, 1});
  };
  const at::Tensor features = at::relu(before);
  EXPECT_EQ(largest(pool_and_pad_reflect(features) - pool(before)), 0.0);
  const at::Tensor gradient = random_features({2, 7, (height_ + 1) / 2 + 2, (width_ + 1) / 2 + 2}, kSeed + 1);
  EXPECT_LT(largest(relu_pool_backward(features, gradient) - autograd_of(before, gradient, pool)), 1e-5);
}

TEST_P(FeatureKernels, StatisticsArePlainNetworks) {
  const at::Tensor features = at::relu(random_features({3, 6, height_, width_}, kSeed));
  at::Tensor mean, std;
  feature_statistics(features, 1e-5f, &mean, &std);
  const ChannelStatistics expected = channel_statistics(features, 1e-5f);
  EXPECT_LT(largest(mean - expected.mean), 1e-5);
  EXPECT_LT(largest(std - expected.std), 1e-5);
}

// What runs on a GPU, run here on the CPU.
TEST_P(FeatureKernels, DevicePassesGiveTheSame) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    SCOPED_TRACE(at::toString(type));
    const double rounding = type == at::kFloat ? 1e-6 : 4e-3;  // sums are rounded once, but added in another order
    const auto make = [type](at::IntArrayRef shape, std::uint64_t seed) { return random_features(shape, seed).to(type); };
    const at::Tensor features = at::relu(make({2, 6, height_, width_}, kSeed));
    const at::Tensor padded = make({2, 6, height_ + 2, width_ + 2}, kSeed + 1);
    const at::Tensor pooled = make({2, 6, (height_ + 1) / 2 + 2, (width_ + 1) / 2 + 2}, kSeed + 2);
    const at::Tensor direct = make({2, 6, height_, width_}, kSeed + 3);
    const at::Tensor offset = random_values({2, 6}, kSeed + 4), slope = random_values({2, 6}, kSeed + 5);
    EXPECT_TRUE(device_passes::pad_reflect(features).equal(pad_reflect(features)));
    EXPECT_TRUE(device_passes::pad_replicate(features).equal(pad_replicate(features)));
    EXPECT_TRUE(device_passes::pool_and_pad_reflect(features).equal(pool_and_pad_reflect(features)));
    EXPECT_LT(relative_error(device_passes::channel_sums(features, direct), channel_sums(features, direct)), 1e-5);
    EXPECT_LT(relative_error(device_passes::affine(features, slope, offset, {}, {}), affine(features, slope, offset)), rounding);
    EXPECT_LT(relative_error(device_passes::affine(features, slope, offset, direct, offset),
                             affine(features, slope, offset, direct, offset)),
              rounding);
    EXPECT_LT(relative_error(device_passes::relu_backward(features, padded, direct, offset, slope),
                             relu_backward(features, padded, direct, offset, slope)),
              rounding);
    EXPECT_LT(
        relative_error(device_passes::relu_backward(features, padded, {}, {}, {}), relu_backward(features, padded, {}, {}, {})),
        rounding);
    EXPECT_LT(relative_error(device_passes::relu_pool_backward(features, pooled), relu_pool_backward(features, pooled)), rounding);
    EXPECT_LT(relative_error(device_passes::pad_reflect_backward(padded), pad_reflect_backward(padded)), rounding);
    EXPECT_LT(relative_error(device_passes::pad_replicate_backward(padded), pad_replicate_backward(padded)), rounding);
    const at::Tensor phases = make({2, 4 * 6, height_ + 1, width_ + 1}, kSeed + 6);
    const at::Tensor large = make({2, 6, 2 * height_, 2 * width_}, kSeed + 7);
    for (const bool relu : {false, true}) {
      const at::Tensor made = interleave_phases(phases, relu), output = relu ? made : at::Tensor();
      EXPECT_TRUE(device_passes::interleave_phases(phases, relu).equal(made));
      EXPECT_TRUE(device_passes::split_phases(large, output).equal(split_phases(large, output)));
    }
  }
}

TEST_P(FeatureKernels, TrainedAdaINAndItsGradientsArePlainNetworks) {
  const at::Tensor gradient = random_values({2, 6, height_, width_}, kSeed + 1);
  const auto gradients = [&](const LayerFunctions& layers) {
    const at::Tensor features = (random_features({2, 6, height_, width_}, kSeed) + 0.5).requires_grad_(true);
    const at::Tensor styled = random_features({2, 6, 5, 7}, kSeed + 2).requires_grad_(true);
    const at::Tensor output = layers.adain(features, layers.statistics(styled, 1e-5f), 1e-5f);
    output.backward(gradient);
    return std::vector<at::Tensor>{output.detach(), features.grad(), styled.grad()};
  };
  const std::vector<at::Tensor> plain = gradients({}), trained = gradients(kTrainedLayers);
  for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_LT(relative_error(trained[i], plain[i]), 1e-5) << i;
}

TEST_P(FeatureKernels, TrainedConvolutionsAndTheirGradientsArePlainNetworks) {
  const auto gradients = [&](const LayerFunctions& layers, int stride, bool relu, bool upsampled) {
    const at::Tensor features = random_features({2, 6, height_, width_}, kSeed).requires_grad_(true);
    const at::Tensor weight = random_features({10, 6, 3, 3}, kSeed + 1).requires_grad_(true);
    const at::Tensor bias = random_values({10}, kSeed + 2).requires_grad_(true);
    const at::Tensor output =
        upsampled ? layers.upsample_convolve(features, weight, bias, relu) : layers.convolve(features, weight, bias, stride, relu);
    output.backward(random_values(output.sizes(), kSeed + 3));
    return std::vector<at::Tensor>{output.detach(), features.grad(), weight.grad(), bias.grad()};
  };
  for (const bool relu : {false, true}) {
    for (const int kind : {0, 1, 2}) {  // stride 1, stride 2, upsampled
      const std::vector<at::Tensor> plain = gradients({}, kind == 1 ? 2 : 1, relu, kind == 2);
      const std::vector<at::Tensor> trained = gradients(kTrainedLayers, kind == 1 ? 2 : 1, relu, kind == 2);
      for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_LT(relative_error(trained[i], plain[i]), 1e-5) << "kind " << kind << " relu " << relu << " tensor " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, FeatureKernels,
                         ::testing::Values(std::pair(8, 8), std::pair(9, 12), std::pair(12, 7), std::pair(5, 5)));

class LossNetworkTest : public ::testing::Test {
 protected:
  const std::map<std::string, TensorData> weights_ = test::random_vgg(kSeed);
  const LossNetwork network_{weights_, "test weights", at::kFloat};
  const Network preset_ = preset_network("vgg19");
  const at::Tensor picture_ = at::rand({2, 3, 24, 40}, at::detail::createCPUGenerator(kSeed), at::TensorOptions(at::kFloat));
};

TEST_F(LossNetworkTest, FeaturesAreThePlainNetworks) {
  const LossFeatures features = network_.features(picture_);
  const Encoded expected = plain_encode(preset_, to_tensors(weights_), picture_);
  EXPECT_LT(relative_error(features.deepest, expected.features), 1e-5);
  for (int tap = 0; tap < kLossTaps; ++tap) {
    EXPECT_LT(relative_error(features.mean[tap], expected.taps[tap].mean), 1e-5) << tap;
    EXPECT_LT(relative_error(features.std[tap], expected.taps[tap].std), 1e-4) << tap;
  }
}

TEST_F(LossNetworkTest, GradientIsAutograds) {
  const at::Tensor leaf = picture_.clone().requires_grad_(true);
  const Encoded expected = plain_encode(preset_, to_tensors(weights_), leaf);
  LossFeatures gradient;
  gradient.deepest = random_features(expected.features.sizes(), kSeed);
  at::Tensor sum = (expected.features * gradient.deepest).sum();
  for (int tap = 0; tap < kLossTaps; ++tap) {
    gradient.mean[tap] = random_values(expected.taps[tap].mean.sizes(), 10 + tap);
    gradient.std[tap] = random_values(expected.taps[tap].mean.sizes(), 20 + tap);
    sum = sum + (expected.taps[tap].mean * gradient.mean[tap]).sum() + (expected.taps[tap].std * gradient.std[tap]).sum();
  }
  sum.backward();
  EXPECT_LT(relative_error(network_.backward(network_.forward(picture_), gradient), leaf.grad()), 1e-4);
}

TEST_F(LossNetworkTest, BrainFloatGradientPointsTheSameWay) {
  const LossNetwork half(weights_, "test weights", at::kBFloat16);
  LossFeatures gradient;
  gradient.deepest = random_features({2, 512, 3, 5}, kSeed);
  const at::Tensor exact = network_.backward(network_.forward(picture_), gradient);
  const at::Tensor rough = half.backward(half.forward(picture_), gradient);
  const double cosine = ((exact * rough).sum() / (exact.square().sum() * rough.square().sum()).sqrt()).item<double>();
  EXPECT_GT(cosine, 0.95);
}

TEST_F(LossNetworkTest, MissingOrMisshapenTensorsAreNamed) {
  std::map<std::string, TensorData> weights = weights_;
  weights.erase("conv3_2.bias");
  test::expect_error(ErrorCode::kMalformedModel, {"some file", "conv3_2.bias"},
                     [&] { LossNetwork(weights, "some file", at::kFloat); });
  weights = weights_;
  weights["conv2_1.weight"].shape = {64, 128, 3, 3};
  test::expect_error(ErrorCode::kMalformedModel, {"conv2_1.weight", "shape"},
                     [&] { LossNetwork(weights, "some file", at::kFloat); });
}

}  // namespace
}  // namespace adainstyle
