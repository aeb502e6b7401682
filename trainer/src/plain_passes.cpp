// SPDX-License-Identifier: MIT
#include "plain_passes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/reflection_pad2d_backward.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/replication_pad2d_backward.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace adainstyle::plain_passes {
namespace {

constexpr std::int64_t kBorder[] = {1, 1, 1, 1};
constexpr std::int64_t kWindow[] = {2, 2};
constexpr std::int64_t kNone[] = {0, 0};
constexpr std::int64_t kDense[] = {1, 1};

at::Tensor over_space(const at::Tensor& statistics) { return statistics.unsqueeze(-1).unsqueeze(-1); }

at::Tensor channels_last(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
}

std::tuple<at::Tensor, at::Tensor> pool(const at::Tensor& features) {
  return at::max_pool2d_with_indices(features, kWindow, kWindow, kNone, kDense, /*ceil_mode=*/true);
}

at::Tensor without_border(const at::Tensor& padded) {
  return padded.narrow(2, 1, padded.size(2) - 2).narrow(3, 1, padded.size(3) - 2);
}

// The pixels that a phase makes.
at::Tensor pixels_of(const at::Tensor& features, int phase) {
  return features.slice(2, phase / 2, c10::nullopt, 2).slice(3, phase % 2, c10::nullopt, 2);
}

at::Tensor phase_of(const at::Tensor& phases, int phase, std::int64_t channels, std::int64_t height, std::int64_t width) {
  return phases.narrow(1, phase * channels, channels).narrow(2, phase / 2, height).narrow(3, phase % 2, width);
}

// float32; `like` gives the shape before padding.
at::Tensor fold_border(const at::Tensor& padded_gradient, const at::Tensor& like) {
  return at::reflection_pad2d_backward(padded_gradient.to(at::kFloat).contiguous(), like.to(at::kFloat).contiguous(), kBorder);
}

}  // namespace

at::Tensor pad_reflect(const at::Tensor& input) { return channels_last(at::reflection_pad2d(input, kBorder), input.scalar_type()); }

at::Tensor pool_and_pad_reflect(const at::Tensor& input) { return pad_reflect(std::get<0>(pool(input))); }

at::Tensor channel_sums(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor wide = a.to(at::kFloat);
  return at::stack({wide.sum({2, 3}), (wide * b.to(at::kFloat)).sum({2, 3})}, 1);
}

at::Tensor affine(const at::Tensor& a, const at::Tensor& slope, const at::Tensor& offset, const at::Tensor& b,
                  const at::Tensor& slope_b) {
  at::Tensor sum = over_space(slope) * a.to(at::kFloat) + over_space(offset);
  if (b.defined()) sum = sum + over_space(slope_b) * b.to(at::kFloat);
  return channels_last(sum, a.scalar_type());
}

at::Tensor relu_backward(const at::Tensor& features, const at::Tensor& padded_gradient, const at::Tensor& direct,
                         const at::Tensor& offset, const at::Tensor& slope) {
  at::Tensor sum = at::zeros_like(features, features.options().dtype(at::kFloat));
  if (padded_gradient.defined()) sum = sum + fold_border(padded_gradient, features);
  if (direct.defined()) sum = sum + direct.to(at::kFloat);
  if (offset.defined()) sum = sum + over_space(offset) + over_space(slope) * features.to(at::kFloat);
  return channels_last(sum * (features > 0), features.scalar_type());
}

at::Tensor relu_pool_backward(const at::Tensor& features, const at::Tensor& padded_gradient) {
  const at::Tensor wide = features.to(at::kFloat);
  const auto [pooled, indices] = pool(wide);
  const at::Tensor gradient = fold_border(padded_gradient, pooled);
  const at::Tensor spread =
      at::max_pool2d_with_indices_backward(gradient, wide, kWindow, kWindow, kNone, kDense, /*ceil_mode=*/true, indices);
  return channels_last(spread * (features > 0), features.scalar_type());
}

at::Tensor pad_reflect_backward(const at::Tensor& padded_gradient) {
  return channels_last(fold_border(padded_gradient, without_border(padded_gradient)), padded_gradient.scalar_type());
}

at::Tensor pad_replicate(const at::Tensor& input) {
  return channels_last(at::replication_pad2d(input, kBorder), input.scalar_type());
}

at::Tensor pad_replicate_backward(const at::Tensor& padded_gradient) {
  const at::Tensor like = without_border(padded_gradient).to(at::kFloat).contiguous();
  return channels_last(at::replication_pad2d_backward(padded_gradient.to(at::kFloat).contiguous(), like, kBorder),
                       padded_gradient.scalar_type());
}

at::Tensor interleave_phases(const at::Tensor& phases, bool relu) {
  const std::int64_t channels = phases.size(1) / 4, height = phases.size(2) - 1, width = phases.size(3) - 1;
  at::Tensor features = at::empty({phases.size(0), channels, 2 * height, 2 * width}, phases.options());
  for (int phase = 0; phase < 4; ++phase) {
    pixels_of(features, phase).copy_(phase_of(phases, phase, channels, height, width));
  }
  return channels_last(relu ? features.relu_() : features, phases.scalar_type());
}

at::Tensor split_phases(const at::Tensor& gradient, const at::Tensor& features) {
  const std::int64_t channels = gradient.size(1), height = gradient.size(2) / 2, width = gradient.size(3) / 2;
  const at::Tensor masked = features.defined() ? gradient * (features > 0) : gradient;
  at::Tensor phases = at::zeros({gradient.size(0), 4 * channels, height + 1, width + 1}, gradient.options());
  for (int phase = 0; phase < 4; ++phase) {
    phase_of(phases, phase, channels, height, width).copy_(pixels_of(masked, phase));
  }
  return channels_last(phases, gradient.scalar_type());
}

}  // namespace adainstyle::plain_passes
