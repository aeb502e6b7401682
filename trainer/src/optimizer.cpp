// SPDX-License-Identifier: MIT
#include "optimizer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

namespace adainstyle {

namespace {

constexpr double kEps = 1e-8;

// Matrices [N, rows, columns] with all their singular values taken near 1 (0.7 to 1.2): five Newton-Schulz iterations with the
// coefficients of Jordan et al. 2024, which trade exactness for speed.
at::Tensor orthogonal(const at::Tensor& matrices) {
  constexpr int kIterations = 5;
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = tall ? matrices.transpose(1, 2) : matrices;
  x = x / (x.square().sum({1, 2}, /*keepdim=*/true).sqrt_() + kEps);
  for (int i = 0; i < kIterations; ++i) {
    const at::Tensor gram = x.bmm(x.transpose(1, 2));
    x = kA * x + (kB * gram + kC * gram.bmm(gram)).bmm(x);
  }
  return tall ? x.transpose(1, 2) : x;
}

// Those of one shape together, which a GPU steps at once.
std::vector<std::vector<MatrixView>> by_shape(const std::vector<MatrixView>& matrices) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<MatrixView>> groups;
  for (const MatrixView& view : matrices) groups[{view.rows, view.columns}].push_back(view);
  std::vector<std::vector<MatrixView>> result;
  for (auto& group : groups) result.push_back(std::move(group.second));
  return result;
}

}  // namespace

Optimizer::Optimizer(const at::Tensor& master, double beta1, double beta2, double ema_decay,
                     const std::vector<MatrixView>& matrices)
    : beta1_(beta1),
      beta2_(beta2),
      ema_decay_(ema_decay),
      matrices_(by_shape(matrices)),
      first_(at::zeros_like(master.detach())),
      second_(at::zeros_like(master.detach())),
      average_(master.detach().clone()) {}

at::Tensor Optimizer::adam_direction() const {
  const double n = static_cast<double>(steps_);
  const double correction1 = 1.0 - std::pow(beta1_, n), correction2 = 1.0 - std::pow(beta2_, n);
  const at::Tensor divisor = (second_ / correction2).sqrt_().add_(kEps);
  return (first_ / correction1).div_(divisor);
}

void Optimizer::orthogonalise_matrices(const at::Tensor& gradient, at::Tensor* direction) const {
  for (const std::vector<MatrixView>& group : matrices_) {
    const auto matrix = [](const at::Tensor& flat, const MatrixView& view) {
      return flat.narrow(0, view.offset, view.rows * view.columns).view({view.rows, view.columns});
    };
    std::vector<at::Tensor> momenta;
    for (const MatrixView& view : group) {
      // Nesterov's momentum: the average as it will be if this gradient comes again.
      momenta.push_back(matrix(first_, view).lerp(matrix(gradient, view), 1.0 - beta1_));
    }
    const double scale = 0.2 * std::sqrt(static_cast<double>(std::max(group.front().rows, group.front().columns)));
    const at::Tensor steps = orthogonal(at::stack(momenta)).mul_(scale);
    for (std::size_t i = 0; i < group.size(); ++i) matrix(*direction, group[i]).copy_(steps[static_cast<std::int64_t>(i)]);
  }
}

double Optimizer::step(at::Tensor& master, const at::Tensor& gradient, double rate, double clip) {
  const at::NoGradGuard no_grad;
  const double norm = std::sqrt(gradient.to(at::kDouble).square().sum().item<double>());
  const at::Tensor g = norm > clip ? gradient * (clip / norm) : gradient;
  ++steps_;
  first_.mul_(beta1_).add_(g, 1.0 - beta1_);
  second_.mul_(beta2_).addcmul_(g, g, 1.0 - beta2_);
  at::Tensor direction = adam_direction();
  orthogonalise_matrices(g, &direction);
  master.detach().add_(direction, -rate);
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
