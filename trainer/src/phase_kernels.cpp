// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstring>

#include <ATen/Parallel.h>

#include "device_passes.h"
#include "feature_kernels.h"
#include "feature_loops.h"

namespace adainstyle {
namespace {

template <typename T>
ADAINSTYLE_MULTIVERSION void copy_positive(const T* from, std::int64_t count, T* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) store(to + i, std::max(load(from[i]), 0.0f));
}

template <typename T>
ADAINSTYLE_MULTIVERSION void copy_where_positive(const T* from, const T* features, std::int64_t count, T* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = load(features[i]) > 0.0f ? from[i] : T(0);
}

// Row y of features: from row y / 2 + dy of the phases [h + 1][w + 1][4 * channels].
template <typename T>
void interleave_row(const T* phases, std::int64_t y, std::int64_t width, std::int64_t channels, bool relu, T* to) {
  const std::int64_t dy = y % 2;
  const T* row = phases + (y / 2 + dy) * (width / 2 + 1) * 4 * channels;
  for (std::int64_t x = 0; x < width; ++x) {
    const std::int64_t dx = x % 2;
    const T* from = row + ((x / 2 + dx) * 4 + 2 * dy + dx) * channels;
    if (relu) {
      copy_positive(from, channels, to + x * channels);
    } else {
      std::memcpy(to + x * channels, from, channels * sizeof(T));
    }
  }
}

// Row `row` of the phases' gradient, from the gradient [2 h][2 w][channels] and, where there was a ReLU, the features alike.
template <typename T>
void split_row(const T* gradient, const T* features, std::int64_t row, std::int64_t height, std::int64_t width,
               std::int64_t channels, T* to) {
  for (std::int64_t column = 0; column <= width / 2; ++column) {
    for (std::int64_t phase = 0; phase < 4; ++phase, to += channels) {
      // Phase (dy, dx) at (row, column) made pixel (2 (row - dy) + dy, 2 (column - dx) + dx); some made none.
      const std::int64_t y = 2 * row - phase / 2, x = 2 * column - phase % 2;
      if (y < 0 || y >= height || x < 0 || x >= width) {
        std::memset(to, 0, channels * sizeof(T));
        continue;
      }
      const std::int64_t at = (y * width + x) * channels;
      if (features != nullptr) {
        copy_where_positive(gradient + at, features + at, channels, to);
      } else {
        std::memcpy(to, gradient + at, channels * sizeof(T));
      }
    }
  }
}

}  // namespace

at::Tensor interleave_phases(const at::Tensor& phases, bool relu) {
  if (!phases.is_cpu()) return device_passes::interleave_phases(phases, relu);
  const Extent e(phases);
  const std::int64_t height = 2 * (e.h - 1), width = 2 * (e.w - 1), channels = e.c / 4;
  at::Tensor features = empty_channels_last(e.n, channels, height, width, phases);
  for_type(phases, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    at::parallel_for(0, e.n * height, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        interleave_row(data_of<T>(phases) + i / height * e.h * e.w * e.c, i % height, width, channels, relu,
                       data_of<T>(features) + i * width * channels);
      }
    });
  });
  return features;
}

at::Tensor split_phases(const at::Tensor& gradient, const at::Tensor& features) {
  if (!gradient.is_cpu()) return device_passes::split_phases(gradient, features);
  const Extent e(gradient);
  const std::int64_t rows = e.h / 2 + 1, row_values = (e.w / 2 + 1) * 4 * e.c;
  at::Tensor phases = empty_channels_last(e.n, 4 * e.c, rows, e.w / 2 + 1, gradient);
  for_type(gradient, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    at::parallel_for(0, e.n * rows, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t image = i / rows * e.h * e.w * e.c;
        split_row(data_of<T>(gradient) + image, features.defined() ? data_of<T>(features) + image : nullptr, i % rows, e.h, e.w,
                  e.c, data_of<T>(phases) + i * row_values);
      }
    });
  });
  return phases;
}

}  // namespace adainstyle
