// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "engine/engine.h"

namespace adainstyle {

// AdaIN as one scale and shift per channel (Note [Lowering], rewrite 4):
//   std_s (x - mean_c) / std_c + mean_s = scale x + shift   (Huang & Belongie 2017, eq. 8)
// Channels past the statistics' own are left as they are.
struct Affine {
  std::vector<float> scale;
  std::vector<float> shift;
  std::vector<float> mean;  // the content's, around which fold_adain rounds
};

Affine adain_affine(const Statistics& content, const Statistics& style, int channels);

// The first tap whose statistics are those of `tensor`, or -1.
int tap_of(const Plan& plan, int tensor);

// Strength (Note [Strength] in plain_network.h): once the content's statistics of `tensor` are known, the targets of its taps lie
// between those and the style's.
void blend_targets(const Plan& plan, int tensor, const Statistics& content, const StyleStatistics& style, float strength,
                   StyleStatistics* targets);

// Leaves the features as they are and only tells their mean (Note [Flat frames]).
Affine identity_affine(const Statistics& content, int channels);

// mean and sqrt(biased variance + eps) from sums over `count` pixels.
Statistics statistics_from_sums(const double* sum, const double* sum_of_squares, double count, int channels, float eps);

}  // namespace adainstyle
