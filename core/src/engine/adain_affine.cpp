// SPDX-License-Identifier: MIT
#include "engine/adain_affine.h"

#include <algorithm>
#include <cmath>

namespace adainstyle {

Affine identity_affine(const Statistics& content, int channels) {
  Affine affine;
  affine.scale.assign(channels, 1.0f);
  affine.shift.assign(channels, 0.0f);
  affine.mean = content.mean;
  affine.mean.resize(channels, 0.0f);
  return affine;
}

Affine adain_affine(const Statistics& content, const Statistics& style, int channels) {
  Affine affine = identity_affine(content, channels);
  for (std::size_t c = 0; c < content.mean.size(); ++c) {
    affine.scale[c] = style.std[c] / content.std[c];
    affine.shift[c] = style.mean[c] - affine.scale[c] * content.mean[c];
  }
  return affine;
}

int tap_of(const Plan& plan, int tensor) {
  const auto tap = std::find(plan.tap_tensors.begin(), plan.tap_tensors.end(), tensor);
  return tap == plan.tap_tensors.end() ? -1 : static_cast<int>(tap - plan.tap_tensors.begin());
}

void blend_targets(const Plan& plan, int tensor, const Statistics& content, const StyleStatistics& style, float strength,
                   StyleStatistics* targets) {
  for (std::size_t tap = 0; tap < style.size(); ++tap) {
    if (plan.tap_tensors[tap] != tensor) continue;
    Statistics& target = (*targets)[tap];
    for (std::size_t c = 0; c < target.mean.size(); ++c) {
      target.mean[c] = content.mean[c] + strength * (style[tap].mean[c] - content.mean[c]);
      target.std[c] = content.std[c] + strength * (style[tap].std[c] - content.std[c]);
    }
  }
}

Statistics statistics_from_sums(const double* sum, const double* sum_of_squares, double count, int channels, float eps) {
  Statistics statistics;
  statistics.mean.resize(channels);
  statistics.std.resize(channels);
  for (int c = 0; c < channels; ++c) {
    const double mean = sum[c] / count;
    const double variance = std::max(sum_of_squares[c] / count - mean * mean, 0.0);
    statistics.mean[c] = static_cast<float>(mean);
    statistics.std[c] = static_cast<float>(std::sqrt(variance + eps));
  }
  return statistics;
}

}  // namespace adainstyle
