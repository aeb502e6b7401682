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

// Leaves the features as they are and only tells their mean (Note [Flat frames]).
Affine identity_affine(const Statistics& content, int channels);

// mean and sqrt(biased variance + eps) from sums over `count` pixels.
Statistics statistics_from_sums(const double* sum, const double* sum_of_squares, double count, int channels, float eps);

}  // namespace adainstyle
