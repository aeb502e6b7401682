// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>

#include <ATen/core/Tensor.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/ones.h>
#include <c10/core/InferenceMode.h>

namespace adainstyle::benchmarks {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// FLOP/s of LibTorch's bf16 channels-last 3x3 convolution on all cores at a size where it is fastest: what every speed is held
// against. The best of several runs of a few shapes, since the machine may be busy with other things.
inline double measure_convolution_peak() {
  const c10::InferenceMode inference;
  struct Shape {
    int channels, height, width;
  };
  double best = 0;
  for (const Shape& s : {Shape{256, 128, 128}, Shape{256, 256, 256}, Shape{512, 64, 64}}) {
    const auto options = at::TensorOptions(at::kBFloat16).memory_format(at::MemoryFormat::ChannelsLast);
    const at::Tensor input = at::ones({1, s.channels, s.height, s.width}, options);
    const at::Tensor weight = at::ones({s.channels, s.channels, 3, 3}, options);
    const double flops = 2.0 * 9 * s.channels * s.channels * s.height * s.width;
    for (int run = 0; run < 6; ++run) {
      const auto start = std::chrono::steady_clock::now();
      at::conv2d(input, weight, {}, {1, 1}, {1, 1});
      best = std::max(best, flops / seconds_since(start));
    }
  }
  return best;
}

}  // namespace adainstyle::benchmarks
