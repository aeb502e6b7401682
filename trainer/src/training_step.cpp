// SPDX-License-Identifier: MIT
#include "training_step.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "augment.h"
#include "decoder_norm.h"
#include "trained_layers.h"

namespace adainstyle {
namespace {

constexpr double kGainEps = 1e-6;  // keeps the root's slope finite

at::Tensor over_space(const at::Tensor& statistics) { return statistics.unsqueeze(-1).unsqueeze(-1); }

at::Tensor to_unit(const at::Tensor& bytes, at::Device device) {
  return bytes.to(device).to(at::kFloat).mul_(1.0 / 255.0).contiguous(at::MemoryFormat::ChannelsLast);
}

// Every second sample of the whole iteration, as indices into this batch.
std::vector<std::int64_t> alternate(std::int64_t count, std::uint64_t first_sample) {
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < count; ++i) {
    if ((first_sample + i) % 2 == 0) chosen.push_back(i);
  }
  return chosen;
}

at::Tensor pick(const at::Tensor& all, const std::vector<std::int64_t>& chosen) {
  std::vector<at::Tensor> parts;
  for (const std::int64_t i : chosen) parts.push_back(all.narrow(0, i, 1));
  return at::cat(parts);
}

ChannelStatistics slice(const ChannelStatistics& all, std::int64_t start, std::int64_t count) {
  return {all.mean.narrow(0, start, count), all.std.narrow(0, start, count)};
}

void add_term(const char* name, double weight, const at::Tensor& value, LossTerms* terms, at::Tensor* sum) {
  const at::Tensor weighted = value * weight;
  *sum = sum->defined() ? *sum + weighted : weighted;
  terms->add(name, weight, value);
}

at::Tensor mean_absolute(const at::Tensor& difference) { return difference.to(at::kFloat).abs().mean(); }

// F F^T / (C H W), [N, C, C] float32.
at::Tensor gram_matrix(const at::Tensor& features) {
  const at::Tensor flat = features.to(at::kFloat).flatten(2);
  return at::bmm(flat, flat.transpose(1, 2)) / static_cast<double>(flat.size(1) * flat.size(2));
}

}  // namespace

void LossTerms::add(const char* name, double weight, const at::Tensor& value) {
  names_.push_back(name);
  weights_.push_back(weight);
  values_.push_back(value.detach());
}

LossValues LossTerms::read() const {
  LossValues values;
  const at::Tensor read = at::stack(values_).to(at::kCPU, at::kDouble);
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const double value = read[static_cast<std::int64_t>(i)].item<double>();
    values[names_[i]] = value;
    values["total"] += weights_[i] * value;
  }
  return values;
}

TrainingStep::TrainingStep(const TrainOptions& options, const Network& network, const LossNetwork& loss_network, TensorCache* cache)
    : options_(options),
      network_(network),
      loss_network_(loss_network),
      cache_(cache),
      device_(loss_network.device()),
      dtype_(options.precision == "bf16" ? at::kBFloat16 : at::kFloat) {}

// What a loss needs to know of a batch's crops: kept from an earlier epoch, or computed. If any is missing, the whole batch is
// computed: a crop's bits must not depend on which others happened to be kept, and a convolution gives a picture the same bits in every
// batch of one size. What is kept lies in the computer's memory, of which there is more than of a GPU's.
TensorCache::Value TrainingStep::of_crops(const std::vector<CropChoice>& choices, Purpose purpose, const at::Tensor& pictures,
                                          FeaturesOf features_of) {
  if (options_.crops_per_picture == 0) return (this->*features_of)(to_unit(pictures, device_));
  std::vector<TensorCache::Value> kept;
  for (const CropChoice& choice : choices) kept.push_back(cache_->find(choice.key(purpose)));
  if (std::any_of(kept.begin(), kept.end(), [](const TensorCache::Value& value) { return value.empty(); })) {
    TensorCache::Value all = (this->*features_of)(to_unit(pictures, device_));
    for (std::size_t i = 0; i < choices.size(); ++i) {
      TensorCache::Value value;
      for (const at::Tensor& tensor : all) value.push_back(tensor.narrow(0, static_cast<std::int64_t>(i), 1).cpu().clone());
      cache_->insert(choices[i].key(purpose), value);
    }
    return all;
  }
  TensorCache::Value all;
  for (std::size_t member = 0; member < kept.front().size(); ++member) {
    std::vector<at::Tensor> parts;
    for (const TensorCache::Value& value : kept) parts.push_back(value[member]);
    all.push_back(at::cat(parts).to(device_));
  }
  return all;
}

TensorCache::Value TrainingStep::content_features(const at::Tensor& pictures) const {
  const LossFeatures features = loss_network_.features(pictures);
  return {features.deepest, features.mean.back(), features.std.back()};
}

TensorCache::Value TrainingStep::style_features(const at::Tensor& pictures) const {
  const LossNetwork::Activations all = loss_network_.forward(pictures);
  TensorCache::Value value;
  for (int tap = 0; tap < kLossTaps; ++tap) {
    value.push_back(all.features.mean[tap]);
    value.push_back(all.features.std[tap]);
  }
  if (options_.style_loss == "gram") {
    for (const at::Tensor& features : loss_network_.tap_features(all)) value.push_back(gram_matrix(features));
  }
  return value;
}

TrainingStep::Targets TrainingStep::targets(const Batch& batch) {
  const at::NoGradGuard no_grad;
  const TensorCache::Value content =
      of_crops(batch.content_choices, Purpose::kContentCrop, batch.content, &TrainingStep::content_features);
  const TensorCache::Value style = of_crops(batch.style_choices, Purpose::kStyleCrop, batch.style, &TrainingStep::style_features);
  Targets targets;
  targets.content = content[0];
  targets.content_mean = content[1];
  targets.content_std = content[2];
  for (int tap = 0; tap < kLossTaps; ++tap) {
    targets.style.mean[tap] = style[2 * tap];
    targets.style.std[tap] = style[2 * tap + 1];
    if (options_.style_loss == "gram") targets.gram.push_back(style[2 * kLossTaps + tap]);
  }
  return targets;
}

TrainingStep::Forward TrainingStep::autoencode(const TensorMap& weights, const at::Tensor& content, LossTerms* terms) {
  const at::Tensor input = content.to(dtype_);
  const Encoded encoded = plain_encode(network_, weights, input, kTrainedLayers);
  Forward forward;
  const at::Tensor output = plain_decode(network_, weights, encoded.features, encoded.taps, kTrainedLayers);
  add_term("autoencoder", 1.0, mean_absolute(output - input), terms, &forward.other);
  return forward;
}

TrainingStep::Forward TrainingStep::joint(const TensorMap& weights, const at::Tensor& content, const Batch& batch,
                                          std::uint64_t first_sample, LossTerms* terms) {
  const at::Tensor style = to_unit(batch.style, device_);
  const std::int64_t n = content.size(0);
  const std::vector<std::int64_t> half = alternate(n, first_sample);
  const bool identity = options_.identity_weight > 0.0;
  const bool noise = options_.noise_weight > 0.0 && !half.empty();
  const bool temporal = options_.temporal_weight > 0.0 && !half.empty();
  const auto extra = static_cast<std::int64_t>(half.size());

  // Everything that has to be encoded goes through the encoder in one batch: contents, styles, noisy and moved contents.
  std::vector<at::Tensor> inputs = {content, style};
  at::Tensor grids, added;
  if (noise) {
    added = batch.noise.to(device_);
    inputs.push_back(pick(content, half) + added);
  }
  if (temporal) {
    std::vector<at::Tensor> flows;
    for (const std::int64_t i : half) {
      flows.push_back(random_flow_grid(content.size(2), content.size(3),
                                       mix({options_.seed, static_cast<std::uint64_t>(Purpose::kFlow), first_sample + i})));
    }
    grids = at::cat(flows).to(device_);
    inputs.push_back(warp(pick(content, half), grids));
  }
  const at::Tensor pictures = at::cat(inputs).to(dtype_).contiguous(at::MemoryFormat::ChannelsLast);
  const Encoded encoded = plain_encode(network_, weights, pictures, kTrainedLayers);

  // And so through the decoder: stylised, identity, stylised noisy, stylised moved.
  const at::Tensor content_features = encoded.features.narrow(0, 0, n);
  std::vector<at::Tensor> features = {content_features};
  if (identity) features.push_back(content_features);
  if (noise || temporal) features.push_back(encoded.features.narrow(0, 2 * n, encoded.features.size(0) - 2 * n));
  std::vector<ChannelStatistics> styles;
  for (const ChannelStatistics& tap : encoded.taps) {
    const ChannelStatistics style_tap = slice(tap, n, n);
    std::vector<at::Tensor> mean = {style_tap.mean}, std = {style_tap.std};
    if (identity) mean.push_back(tap.mean.narrow(0, 0, n)), std.push_back(tap.std.narrow(0, 0, n));
    for (int i = 0; i < (noise ? 1 : 0) + (temporal ? 1 : 0); ++i) {
      mean.push_back(pick(style_tap.mean, half));
      std.push_back(pick(style_tap.std, half));
    }
    styles.push_back({at::cat(mean), at::cat(std)});
  }
  const at::Tensor decoded = plain_decode(network_, weights, at::cat(features), styles, kTrainedLayers);

  Forward forward;
  forward.stylised = decoded.narrow(0, 0, n);
  std::int64_t at = n;
  if (identity) {
    add_term("identity", options_.identity_weight, mean_absolute(decoded.narrow(0, at, n) - content), terms, &forward.other);
    at += n;
  }
  // Means over every second sample, whichever of them this process has.
  const double share = 2.0 * static_cast<double>(extra) / static_cast<double>(n);
  if (noise) {
    const at::Tensor change = (decoded.narrow(0, at, extra) - pick(forward.stylised, half)).to(at::kFloat);
    const at::Tensor gain = (change.square().mean({1, 2, 3}) / added.square().mean({1, 2, 3}) + kGainEps).sqrt();
    add_term("noise", options_.noise_weight, gain.mean() * share, terms, &forward.other);
    at += extra;
  }
  if (temporal) {
    const at::Tensor moved = warp(pick(forward.stylised, half).to(at::kFloat), grids);
    add_term("temporal", options_.temporal_weight, mean_absolute(moved - decoded.narrow(0, at, extra)) * share, terms,
             &forward.other);
  }
  return forward;
}

TrainingStep::Forward TrainingStep::paper(const TensorMap& weights, const at::Tensor& content, const Targets& targets,
                                          LossTerms* terms) {
  std::vector<ChannelStatistics> style(kLossTaps), own(kLossTaps);
  style.back() = {targets.style.mean.back(), targets.style.std.back()};
  own.back() = {targets.content_mean, targets.content_std};
  const at::Tensor features = targets.content.to(dtype_);
  Forward forward;
  forward.stylised = decode_with_norm(network_, weights, features, style, options_.decoder_norm);
  if (options_.identity_weight > 0.0) {
    const at::Tensor same = decode_with_norm(network_, weights, features, own, options_.decoder_norm);
    add_term("identity", options_.identity_weight, mean_absolute(same - content), terms, &forward.other);
  }
  return forward;
}

at::Tensor TrainingStep::perceptual_gradient(const at::Tensor& picture, const Targets& targets, LossTerms* terms) {
  const at::NoGradGuard no_grad;
  const at::Tensor output = picture.detach().to(at::kFloat);
  const LossNetwork::Activations activations = loss_network_.forward(at::clamp(output, 0.0, 1.0));
  const LossFeatures& features = activations.features;
  LossFeatures gradient;
  std::vector<at::Tensor> tap_gradients;

  const at::Tensor target = (targets.content.to(at::kFloat) - over_space(targets.content_mean)) / over_space(targets.content_std) *
                                over_space(targets.style.std.back()) +
                            over_space(targets.style.mean.back());
  const at::Tensor content_error = features.deepest.to(at::kFloat) - target;
  terms->add("content", options_.content_weight, content_error.square().mean());
  gradient.deepest = content_error * (2.0 * options_.content_weight / static_cast<double>(content_error.numel()));

  at::Tensor style_loss = at::zeros({}, output.options());
  if (targets.gram.empty()) {
    for (int tap = 0; tap < kLossTaps; ++tap) {
      const at::Tensor mean_error = features.mean[tap] - targets.style.mean[tap];
      const at::Tensor std_error = features.std[tap] - targets.style.std[tap];
      style_loss += mean_error.square().mean() + std_error.square().mean();
      const double scale = 2.0 * options_.style_weight / static_cast<double>(mean_error.numel());
      gradient.mean[tap] = mean_error * scale;
      gradient.std[tap] = std_error * scale;
    }
  } else {
    const std::vector<at::Tensor> taps = loss_network_.tap_features(activations);
    for (int tap = 0; tap < kLossTaps; ++tap) {
      const at::Tensor error = gram_matrix(taps[tap]) - targets.gram[tap];
      style_loss += error.square().mean();
      // d G / d F of a symmetric G: 2 (error F) / (C H W), times the mean square's 2 / numel.
      const at::Tensor flat = taps[tap].to(at::kFloat).flatten(2);
      const double scale =
          4.0 * options_.style_weight / static_cast<double>(error.numel()) / static_cast<double>(flat.size(1) * flat.size(2));
      tap_gradients.push_back((at::bmm(error, flat) * scale).view(taps[tap].sizes()));
    }
  }
  terms->add("style", options_.style_weight, style_loss);

  const at::Tensor back = loss_network_.backward(activations, gradient, tap_gradients);
  // Through the clamp: outside [0, 1] only a gradient that pulls the value back in counts.
  const at::Tensor outwards = ((output < 0.0) & (back > 0.0)) | ((output > 1.0) & (back < 0.0));
  return at::where(outwards, at::zeros_like(back), back);
}

void TrainingStep::add_picture_terms(const at::Tensor& picture, LossTerms* terms, at::Tensor* sum) {
  const at::Tensor output = picture.to(at::kFloat);
  add_term("range", options_.range_weight, (at::relu(-output) + at::relu(output - 1.0)).mean(), terms, sum);
  if (options_.tv_weight > 0.0) {
    const std::int64_t height = output.size(2), width = output.size(3);
    const at::Tensor vertical = output.narrow(2, 1, height - 1) - output.narrow(2, 0, height - 1);
    const at::Tensor horizontal = output.narrow(3, 1, width - 1) - output.narrow(3, 0, width - 1);
    add_term("tv", options_.tv_weight, mean_absolute(vertical) + mean_absolute(horizontal), terms, sum);
  }
}

LossValues TrainingStep::run(const Batch& batch, std::uint64_t iteration, int part, int parts, const Parameters& parameters,
                             at::Tensor* gradient) {
  LossTerms terms;
  const at::Tensor content = to_unit(batch.content, device_);
  const auto n = static_cast<std::uint64_t>(content.size(0));
  const TensorMap weights = parameters.unpack(parameters.master(), dtype_);
  Forward forward;
  if (iteration < static_cast<std::uint64_t>(options_.autoencoder_iterations) && !options_.paper()) {
    forward = autoencode(weights, content, &terms);
  } else {
    const Targets wanted = targets(batch);
    forward = options_.paper() ? paper(weights, content, wanted, &terms)
                               : joint(weights, content, batch, (iteration * parts + part) * n, &terms);
    add_picture_terms(forward.stylised, &terms, &forward.other);
    // The loss network's part of the gradient enters the graph as a weighted sum of the output's pixels.
    const at::Tensor back = perceptual_gradient(forward.stylised, wanted, &terms);
    forward.other = forward.other + (forward.stylised.to(at::kFloat) * back).sum();
  }
  at::Tensor master = parameters.master();
  master.mutable_grad() = at::Tensor();
  forward.other.backward();
  *gradient = master.grad();
  return terms.read();
}

}  // namespace adainstyle
