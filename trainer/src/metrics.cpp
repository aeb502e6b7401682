// SPDX-License-Identifier: MIT
#include "metrics.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "augment.h"

namespace adainstyle {
namespace {

at::Tensor over_space(const at::Tensor& statistics) { return statistics.unsqueeze(-1).unsqueeze(-1); }

at::Tensor normalised(const LossFeatures& features) {
  return (features.deepest - over_space(features.mean.back())) / over_space(features.std.back());
}

double mean_square(const at::Tensor& difference) { return difference.square().mean().item<double>(); }

}  // namespace

Quality& Quality::operator+=(const Quality& other) {
  for (int tap = 0; tap < kLossTaps; ++tap) style_per_tap[tap] += other.style_per_tap[tap];
  style += other.style;
  target += other.target;
  content += other.content;
  return *this;
}

Quality& Quality::operator/=(double count) {
  for (double& value : style_per_tap) value /= count;
  style /= count;
  target /= count;
  content /= count;
  return *this;
}

Quality measure(const LossFeatures& content, const LossFeatures& style, const LossFeatures& output) {
  const at::NoGradGuard no_grad;
  Quality quality;
  for (int tap = 0; tap < kLossTaps; ++tap) {
    quality.style_per_tap[tap] = mean_square(output.mean[tap] - style.mean[tap]) + mean_square(output.std[tap] - style.std[tap]);
    quality.style += quality.style_per_tap[tap];
  }
  const at::Tensor content_normalised = normalised(content);
  const at::Tensor target = content_normalised * over_space(style.std.back()) + over_space(style.mean.back());
  quality.target = mean_square(output.deepest - target);
  quality.content = mean_square(normalised(output) - content_normalised);
  return quality;
}

double static_gain(const Stylize& stylize, const at::Tensor& content, const at::Tensor& style, std::uint64_t label) {
  const at::NoGradGuard no_grad;
  const at::Tensor noise = gaussian_noise(content, kNoiseSigma, label);
  const at::Tensor change = stylize(content + noise, style) - stylize(content, style);
  return std::sqrt(mean_square(change) / mean_square(noise));
}

}  // namespace adainstyle
