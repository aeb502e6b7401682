// SPDX-License-Identifier: MIT
#include "augment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/grid_sampler.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bicubic2d.h>

namespace adainstyle {
namespace {

constexpr double kMaxShift = 10.0;      // pixels
constexpr double kFlowDeviation = 8.0;  // pixels
constexpr std::int64_t kFlowCells = 4;  // of the coarse grid, in each direction

}  // namespace

at::Tensor gaussian_noise(const at::Tensor& like, double sigma, std::uint64_t label) {
  return at::randn(like.sizes(), at::detail::createCPUGenerator(label), at::TensorOptions(at::kFloat)).to(like.device()) * sigma;
}

at::Tensor random_flow_grid(std::int64_t height, std::int64_t width, std::uint64_t label) {
  at::Generator generator = at::detail::createCPUGenerator(label);
  const at::Tensor shift = (at::rand({1, 2, 1, 1}, generator, at::TensorOptions(at::kFloat)) * 2.0 - 1.0) * kMaxShift;
  const at::Tensor coarse = at::randn({1, 2, kFlowCells, kFlowCells}, generator, at::TensorOptions(at::kFloat)) * kFlowDeviation;
  const at::Tensor flow = at::upsample_bicubic2d(coarse, {height, width}, true) + shift;
  // grid_sampler counts -1 .. 1 from the first pixel's centre to the last one's (align_corners).
  const at::Tensor x = at::linspace(-1.0, 1.0, width).view({1, 1, width}) + flow.select(1, 0) * (2.0 / (width - 1.0));
  const at::Tensor y = at::linspace(-1.0, 1.0, height).view({1, height, 1}) + flow.select(1, 1) * (2.0 / (height - 1.0));
  return at::stack({x, y}, -1);
}

at::Tensor warp(const at::Tensor& pictures, const at::Tensor& grids) {
  constexpr std::int64_t kBilinear = 0, kReflection = 2;
  return at::grid_sampler(pictures, grids, kBilinear, kReflection, /*align_corners=*/true);
}

}  // namespace adainstyle
