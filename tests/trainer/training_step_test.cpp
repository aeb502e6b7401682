// SPDX-License-Identifier: MIT
#include "training_step.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "augment.h"
#include "divergence.h"
#include "metrics.h"
#include "network_presets.h"
#include "optimizer.h"
#include "parameters.h"
#include "train_options.h"
#include "training_files.h"

namespace adainstyle {
namespace {

at::Tensor random_bytes(std::int64_t count, std::uint64_t seed) {
  return (at::rand({count, 3, 32, 32}, at::detail::createCPUGenerator(seed), at::TensorOptions(at::kFloat)) * 255.0).to(at::kByte);
}

Batch random_batch(std::int64_t count) {
  Batch batch;
  batch.content = random_bytes(count, 1);
  batch.style = random_bytes(count, 2);
  batch.noise = gaussian_noise(batch.content.narrow(0, 0, (count + 1) / 2), kNoiseSigma, 3);  // of every second
  for (std::int64_t i = 0; i < count; ++i) {
    batch.content_choices.push_back({static_cast<std::size_t>(i), 0});
    batch.style_choices.push_back({static_cast<std::size_t>(i), 0});
  }
  return batch;
}

// The options of a step in float32 with every term.
TrainOptions all_terms() {
  TrainOptions options;
  options.precision = "fp32";
  options.crop = 32;
  options.identity_weight = 2.0;
  options.noise_weight = 0.5;
  options.temporal_weight = 3.0;
  options.tv_weight = 0.2;
  options.range_weight = 0.7;
  return options;
}

// Random weights whose outputs stay within [0, 1], where the losses are smooth: the last convolution is weak and shifted to grey.
void initialise_in_range(const std::string& last, Parameters* parameters) {
  parameters->initialise(5);
  TensorMap weights = parameters->unpack(parameters->master().detach(), at::kFloat);
  float* values = parameters->master().data_ptr<float>();
  for (const TensorSpec& spec : parameters->specs()) {
    const std::int64_t count = weights.at(spec.name).numel();
    for (std::int64_t i = 0; i < count; ++i) {
      if (spec.name == last + ".weight") values[i] *= 0.02f;
      if (spec.name == last + ".bias") values[i] = 0.5f;
    }
    values += count;
  }
}

class TrainingStepTest : public ::testing::Test {
 protected:
  // The weighted sum of all losses and their gradient, and how the sum changes along a random direction.
  void expect_gradient_of_total(const TrainOptions& options, const Network& network, Parameters* parameters) {
    TensorCache cache(1 << 24);
    TrainingStep step(options, network, loss_network_, &cache);
    const Batch batch = random_batch(2);
    at::Tensor gradient, ignored;
    const double total = step.run(batch, 0, 0, 1, *parameters, &gradient)["total"];
    ASSERT_TRUE(std::isfinite(total));
    const at::NoGradGuard no_grad;
    // Along the gradient itself, with a step that changes the loss by about a thousandth.
    const double norm2 = gradient.square().sum().item<double>();
    const double length = 5e-4 * total / norm2;
    at::Tensor master = parameters->master().detach();
    const at::Tensor start = master.clone();
    master.copy_(start + gradient * length);
    at::Tensor scratch;
    double after = 0.0, before = 0.0;
    {
      const at::AutoGradMode grad(true);
      after = step.run(batch, 0, 0, 1, *parameters, &scratch)["total"];
    }
    master.copy_(start - gradient * length);
    {
      const at::AutoGradMode grad(true);
      before = step.run(batch, 0, 0, 1, *parameters, &scratch)["total"];
    }
    EXPECT_NEAR((after - before) / (2.0 * length * norm2), 1.0, 0.05);
  }

  const LossNetwork loss_network_{test::random_vgg(3), "test weights", at::kFloat};
};

TEST_F(TrainingStepTest, JointGradientIsTheSlopeOfTheTotal) {
  const Network network = preset_network("small");
  Parameters parameters(required_tensors(network));
  initialise_in_range("decoder.conv2", &parameters);
  expect_gradient_of_total(all_terms(), network, &parameters);
}

TEST_F(TrainingStepTest, GramGradientIsTheSlopeOfTheTotal) {
  const Network network = preset_network("small");
  Parameters parameters(required_tensors(network));
  initialise_in_range("decoder.conv2", &parameters);
  TrainOptions options = all_terms();
  options.style_loss = "gram";
  expect_gradient_of_total(options, network, &parameters);
}

TEST_F(TrainingStepTest, AutoencoderGradientIsTheSlopeOfTheTotal) {
  const Network network = preset_network("small");
  Parameters parameters(required_tensors(network));
  parameters.initialise(5);
  TrainOptions options = all_terms();
  options.autoencoder_iterations = 1;
  expect_gradient_of_total(options, network, &parameters);
}

TEST_F(TrainingStepTest, PaperModeTrainsTheDecoderAlone) {
  const Network network = preset_network("vgg19");
  std::vector<TensorSpec> decoder;
  for (const TensorSpec& spec : required_tensors(network)) {
    if (spec.name.rfind("decoder.", 0) == 0) decoder.push_back(spec);
  }
  Parameters parameters(decoder);
  initialise_in_range("decoder.conv1_1", &parameters);
  TrainOptions options;
  options.precision = "fp32";
  options.crop = 32;
  options.mode = "paper";
  for (const char* norm : {"none", "batch", "instance"}) {
    options.decoder_norm = norm;
    SCOPED_TRACE(norm);
    expect_gradient_of_total(options, network, &parameters);
  }
}

TEST_F(TrainingStepTest, KeptFeaturesGiveTheSameBits) {
  const Network network = preset_network("small");
  Parameters parameters(required_tensors(network));
  parameters.initialise(5);
  const TrainOptions options = all_terms();
  TensorCache cache(1 << 24), none(0);
  TrainingStep keeping(options, network, loss_network_, &cache), forgetting(options, network, loss_network_, &none);
  const Batch batch = random_batch(2);
  at::Tensor first, second, third;
  keeping.run(batch, 0, 0, 1, parameters, &first);
  EXPECT_GT(cache.bytes(), 0u);
  keeping.run(batch, 0, 0, 1, parameters, &second);
  forgetting.run(batch, 0, 0, 1, parameters, &third);
  EXPECT_TRUE(first.equal(second));
  EXPECT_TRUE(first.equal(third));
  EXPECT_EQ(none.bytes(), 0u);

  // A crop that is kept beside one that is new.
  Batch mixed = random_batch(2);
  mixed.content_choices[0].variant += 10;
  mixed.style_choices[1].variant += 10;
  mixed.content[0] = mixed.content[0].flip({2});
  mixed.style[1] = mixed.style[1].flip({2});
  keeping.run(mixed, 0, 0, 1, parameters, &first);
  forgetting.run(mixed, 0, 0, 1, parameters, &second);
  EXPECT_TRUE(first.equal(second));
}

TEST_F(TrainingStepTest, HalvesOfABatchAverageToTheWhole) {
  const Network network = preset_network("small");
  Parameters parameters(required_tensors(network));
  parameters.initialise(5);
  const TrainOptions options = all_terms();
  TensorCache cache(1 << 24);
  TrainingStep step(options, network, loss_network_, &cache);
  const Batch batch = random_batch(4);
  at::Tensor whole, mean;
  step.run(batch, 3, 0, 1, parameters, &whole);
  for (int part = 0; part < 2; ++part) {
    Batch half;
    half.content = batch.content.narrow(0, 2 * part, 2);
    half.style = batch.style.narrow(0, 2 * part, 2);
    half.noise = batch.noise.narrow(0, part, 1);
    half.content_choices.assign(batch.content_choices.begin() + 2 * part, batch.content_choices.begin() + 2 * part + 2);
    half.style_choices.assign(batch.style_choices.begin() + 2 * part, batch.style_choices.begin() + 2 * part + 2);
    at::Tensor gradient;
    step.run(half, 3, part, 2, parameters, &gradient);
    mean = mean.defined() ? mean + gradient / 2.0 : gradient / 2.0;
  }
  EXPECT_LT(((mean - whole).square().sum() / whole.square().sum()).sqrt().item<double>(), 1e-4);
}

TEST(Parameters, GrownNetworkComputesWhatTheTrainedOneDid) {
  const Network small = preset_network("small"), wide = preset_network("wide");
  Parameters trained(required_tensors(small)), grown(required_tensors(wide));
  trained.initialise(1);
  const TensorMap small_weights = trained.unpack(trained.master().detach(), at::kFloat);
  grown.initialise_from(from_tensors(small_weights), 2);
  const TensorMap wide_weights = grown.unpack(grown.master().detach(), at::kFloat);
  const at::Tensor picture = at::rand({1, 3, 32, 48}, at::detail::createCPUGenerator(3), at::TensorOptions(at::kFloat));
  const Encoded a = plain_encode(small, small_weights, picture), b = plain_encode(wide, wide_weights, picture);
  const at::Tensor before = plain_decode(small, small_weights, a.features, a.taps);
  const at::Tensor after = plain_decode(wide, wide_weights, b.features, b.taps);
  EXPECT_LT((before - after).abs().max().item<double>(), 1e-4);
}

TEST(Optimizer, StepsAreAdams) {
  at::Tensor master = at::arange(3, at::TensorOptions(at::kFloat)) + 1.0;
  Optimizer optimizer(master, 0.9, 0.99, 0.5);
  const at::Tensor gradient = at::arange(3, at::TensorOptions(at::kFloat)) - 1.0;  // -1, 0, 1
  double m = 0.0, v = 0.0, expected = 1.0, average = 1.0;
  for (int n = 1; n <= 3; ++n) {
    EXPECT_NEAR(optimizer.step(master, gradient, 0.1, 10.0), std::sqrt(2.0), 1e-6);
    m = 0.9 * m - 0.1;
    v = 0.99 * v + 0.01;
    expected -= 0.1 * (m / (1.0 - std::pow(0.9, n))) / (std::sqrt(v / (1.0 - std::pow(0.99, n))) + 1e-8);
    const double decay = std::min(0.5, (1.0 + n) / (10.0 + n));
    average = decay * average + (1.0 - decay) * expected;
    EXPECT_NEAR(master[0].item<double>(), expected, 1e-5);
    EXPECT_NEAR(optimizer.average()[0].item<double>(), average, 1e-5);
    EXPECT_EQ(master[1].item<float>(), 2.0f);
  }
}

TEST(Optimizer, LongGradientsAreScaledBack) {
  at::Tensor a = at::arange(4, at::TensorOptions(at::kFloat)), b = a.clone();
  Optimizer first(a, 0.9, 0.99, 0.9), second(b, 0.9, 0.99, 0.9);
  const at::Tensor gradient = at::arange(4, at::TensorOptions(at::kFloat)) * 100.0;
  first.step(a, gradient, 0.1, 1.0);
  second.step(b, gradient / gradient.norm(), 0.1, 1e9);
  EXPECT_LT((first.first_moment() - second.first_moment()).abs().max().item<double>(), 1e-6);
}

TEST(Optimizer, MuonMovesEveryDirectionOfAMatrixAlike) {
  const std::vector<TensorSpec> specs = {{"a.weight", {6, 4, 1, 2}}, {"a.bias", {6}}};
  Parameters parameters(specs);
  at::Tensor by_adam = at::zeros({parameters.count()}, at::kFloat), by_muon = by_adam.clone();
  Optimizer adam(by_adam, 0.9, 0.99, 0.9), muon(by_muon, 0.9, 0.99, 0.9, parameters.matrices());
  const at::Tensor gradient = at::randn({parameters.count()}, at::detail::createCPUGenerator(3), at::TensorOptions(at::kFloat));
  gradient.narrow(0, 0, 8).mul_(50.0);  // one row outweighs the others
  adam.step(by_adam, gradient, 0.1, 1e9);
  muon.step(by_muon, gradient, 0.1, 1e9);

  EXPECT_TRUE(at::equal(by_adam.narrow(0, 48, 6), by_muon.narrow(0, 48, 6)));  // the bias
  const at::Tensor step = by_muon.narrow(0, 0, 48).view({6, 8}) / (-0.1 * 0.2 * std::sqrt(8.0));
  const at::Tensor singular = at::linalg_svdvals(step);
  EXPECT_GT(singular.min().item<double>(), 0.6);
  EXPECT_LT(singular.max().item<double>(), 1.25);
  // Orthogonalising G leaves its singular vectors: the step's product with G is symmetric and positive.
  const at::Tensor product = step.mm(gradient.narrow(0, 0, 48).view({6, 8}).t());
  EXPECT_LT((product - product.t()).abs().max().item<double>(), 1e-3 * product.abs().max().item<double>());
  EXPECT_GT(at::linalg_eigvalsh(product).min().item<double>(), 0.0);
}

TEST(Divergence, IsALossThatStaysHighAndNotOneHardBatch) {
  TrainState state;
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(diverged(10.0 + i % 5, &state));
  const double typical = state.typical_loss;
  EXPECT_NEAR(typical, 12.0, 1.0);
  for (int hard = 0; hard < 4; ++hard) EXPECT_FALSE(diverged(1000.0, &state));
  EXPECT_EQ(state.typical_loss, typical);
  EXPECT_FALSE(diverged(12.0, &state));
  EXPECT_EQ(state.explosive, 0);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(diverged(1000.0 * (i + 1), &state));
  EXPECT_TRUE(diverged(5000.0, &state));
  EXPECT_TRUE(diverged(std::nan(""), &state));
}

TEST(LearningRate, FollowsItsSchedule) {
  TrainOptions options;
  options.autoencoder_iterations = 10;
  options.autoencoder_lr = 0.5;
  options.warmup = 4;
  options.iterations = 100;
  options.lr = 1.0;
  options.final_lr = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 0.125);
  EXPECT_DOUBLE_EQ(learning_rate(options, 9), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 0.25);
  EXPECT_NEAR(learning_rate(options, 60), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(options, 110), 0.1, 1e-12);
  options.schedule = "inverse";
  options.lr_decay = 0.01;
  EXPECT_DOUBLE_EQ(learning_rate(options, 110), 0.5);
}

TEST(StaticGain, OfIdentityIsOneAndOfAConstantNone) {
  const at::Tensor picture = at::rand({1, 3, 40, 40}, at::detail::createCPUGenerator(1), at::TensorOptions(at::kFloat));
  const auto identity = [](const at::Tensor& content, const at::Tensor&) { return content; };
  const auto doubled = [](const at::Tensor& content, const at::Tensor&) { return content * 2.0; };
  const auto constant = [](const at::Tensor&, const at::Tensor& style) { return style; };
  EXPECT_NEAR(static_gain(identity, picture, picture, 1), 1.0, 1e-5);
  EXPECT_NEAR(static_gain(doubled, picture, picture, 1), 2.0, 1e-5);
  EXPECT_EQ(static_gain(constant, picture, picture, 1), 0.0);
}

}  // namespace
}  // namespace adainstyle
