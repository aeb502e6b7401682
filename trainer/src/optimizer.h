// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "parameters.h"

namespace adainstyle {

// Adam (Kingma & Ba 2015) with bias correction, over one flat vector, and the exponential average of the weights that is
// exported. All float32 [P].
//
// The matrices given are stepped by Muon instead (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): the momentum,
// as a matrix, is replaced by the nearest matrix with orthonormal rows or columns, so that every direction in it moves alike.
// That matrix times 0.2 * sqrt(max(rows, columns)) has the root mean square of a usual step of Adam (Liu et al. 2025, "Muon is
// Scalable for LLM Training", eq. 4), so both take one learning rate.
class Optimizer {
 public:
  Optimizer(const at::Tensor& master, double beta1, double beta2, double ema_decay, const std::vector<MatrixView>& matrices = {});

  // One step. The gradient is scaled to norm `clip` where it is longer. Returns the norm it had.
  double step(at::Tensor& master, const at::Tensor& gradient, double rate, double clip);

  // Begins the average anew with the current weights.
  void restart_average(const at::Tensor& master);

  at::Tensor& first_moment() { return first_; }
  at::Tensor& second_moment() { return second_; }
  at::Tensor& average() { return average_; }
  std::uint64_t& steps() { return steps_; }
  std::uint64_t& averaged() { return averaged_; }

 private:
  at::Tensor adam_direction() const;
  void orthogonalise_matrices(const at::Tensor& gradient, at::Tensor* direction) const;

  double beta1_, beta2_, ema_decay_;
  std::vector<std::vector<MatrixView>> matrices_;  // those of one shape together
  at::Tensor first_, second_, average_;
  std::uint64_t steps_ = 0;     // of Adam
  std::uint64_t averaged_ = 0;  // steps that the average has seen
};

}  // namespace adainstyle
