// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace adainstyle {

inline constexpr double kNoiseSigma = 2.0 / 255.0;  // of the noise whose effect is the static gain

// Gaussian noise of deviation `sigma`, float32 of `like`'s shape; the same for the same label.
at::Tensor gaussian_noise(const at::Tensor& like, double sigma, std::uint64_t label);

// A smooth random motion as a sampling grid for at::grid_sampler, [1, H, W, 2]: a shift of up to 10 pixels and displacements of
// deviation 8 pixels on a coarse grid, interpolated (ReReVST, Wang et al. 2020, section III-C); the same for the same label.
at::Tensor random_flow_grid(std::int64_t height, std::int64_t width, std::uint64_t label);

// The pictures [N, C, H, W] (float32) moved along the grids [N, H, W, 2], bilinear, reflecting at the border.
at::Tensor warp(const at::Tensor& pictures, const at::Tensor& grids);

}  // namespace adainstyle
