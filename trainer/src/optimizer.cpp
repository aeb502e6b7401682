// SPDX-License-Identifier: MIT
#include "optimizer.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros_like.h>

namespace adainstyle {

constexpr double kEps = 1e-8;

Optimizer::Optimizer(const at::Tensor& master, double beta1, double beta2, double ema_decay)
    : beta1_(beta1),
      beta2_(beta2),
      ema_decay_(ema_decay),
      first_(at::zeros_like(master.detach())),
      second_(at::zeros_like(master.detach())),
      average_(master.detach().clone()) {}

double Optimizer::step(at::Tensor& master, const at::Tensor& gradient, double rate, double clip) {
  const at::NoGradGuard no_grad;
  const double norm = std::sqrt(gradient.to(at::kDouble).square().sum().item<double>());
  const at::Tensor g = norm > clip ? gradient * (clip / norm) : gradient;
  ++steps_;
  first_.mul_(beta1_).add_(g, 1.0 - beta1_);
  second_.mul_(beta2_).addcmul_(g, g, 1.0 - beta2_);
  const double n = static_cast<double>(steps_);
  const double correction1 = 1.0 - std::pow(beta1_, n), correction2 = 1.0 - std::pow(beta2_, n);
  const at::Tensor divisor = (second_ / correction2).sqrt_().add_(kEps);
  master.detach().addcdiv_(first_, divisor, -rate / correction1);
  // A young average forgets faster, so that it does not keep the first weights for long.
  ++averaged_;
  const double decay = std::min(ema_decay_, (1.0 + averaged_) / (10.0 + averaged_));
  average_.lerp_(master.detach(), 1.0 - decay);
  return norm;
}

void Optimizer::restart_average(const at::Tensor& master) {
  average_.copy_(master.detach());
  averaged_ = 0;
}

}  // namespace adainstyle
