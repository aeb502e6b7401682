// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace adainstyle {

// Adam (Kingma & Ba 2015) with bias correction, over one flat vector, and the exponential average of the weights that is
// exported. All float32 [P].
class Optimizer {
 public:
  Optimizer(const at::Tensor& master, double beta1, double beta2, double ema_decay);

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
  double beta1_, beta2_, ema_decay_;
  at::Tensor first_, second_, average_;
  std::uint64_t steps_ = 0;     // of Adam
  std::uint64_t averaged_ = 0;  // steps that the average has seen
};

}  // namespace adainstyle
