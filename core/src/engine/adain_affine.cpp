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
