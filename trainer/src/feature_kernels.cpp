// SPDX-License-Identifier: MIT
#include "feature_kernels.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "device_passes.h"
#include "feature_loops.h"
#include "padding.h"

namespace adainstyle {
namespace {

// Orders what a ReLU lets through like the numbers themselves, in integers, whose comparisons vectorise.
inline std::int32_t order(Half bits) { return bits & 0x7fff; }
inline std::int32_t order(float value) {
  std::int32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits & 0x7fffffff;
}

template <typename T>
ADAINSTYLE_MULTIVERSION void max_rows(const T* upper, const T* lower, std::int64_t width, std::int64_t channels,
                                      T* __restrict out) {
  for (std::int64_t x = 0; x < width; x += 2) {
    const std::int64_t right = x + 1 < width ? channels : 0;
    const T* u = upper + x * channels;
    const T* l = lower + x * channels;
    T* o = out + x / 2 * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      store(o + c, std::max(std::max(load(u[c]), load(u[c + right])), std::max(load(l[c]), load(l[c + right]))));
    }
  }
}

template <typename T>
ADAINSTYLE_MULTIVERSION void add_sums(const T* a, const T* b, std::int64_t count, std::int64_t channels, float* __restrict sum,
                                      float* __restrict products) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = load(a[i * channels + c]);
      sum[c] += value;
      products[c] += value * load(b[i * channels + c]);
    }
  }
}

template <typename T>
ADAINSTYLE_MULTIVERSION void affine_row(const T* a, const float* slope, const float* offset, std::int64_t count,
                                        std::int64_t channels, T* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) store(to + i * channels + c, slope[c] * load(a[i * channels + c]) + offset[c]);
  }
}

template <typename T>
ADAINSTYLE_MULTIVERSION void affine_row(const T* a, const float* slope, const T* b, const float* slope_b, const float* offset,
                                        std::int64_t count, std::int64_t channels, T* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t at = i * channels + c;
      store(to + at, slope[c] * load(a[at]) + slope_b[c] * load(b[at]) + offset[c]);
    }
  }
}

template <typename T>
ADAINSTYLE_MULTIVERSION void accumulate(const T* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += load(from[i]);
}

template <typename T>
ADAINSTYLE_MULTIVERSION void accumulate_affine(const T* features, const float* offset, const float* slope, std::int64_t width,
                                               std::int64_t channels, float* to) {
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int64_t c = 0; c < channels; ++c) {
      to[x * channels + c] += offset[c] + slope[c] * load(features[x * channels + c]);
    }
  }
}

template <typename T>
ADAINSTYLE_MULTIVERSION void store_masked(const float* from, const T* features, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < count; ++i) store(to + i, load(features[i]) > 0.0f ? from[i] : 0.0f);
}

template <typename T>
ADAINSTYLE_MULTIVERSION void store_row(const float* from, std::int64_t count, T* to) {
  for (std::int64_t i = 0; i < count; ++i) store(to + i, from[i]);
}

// One window of four features: the gradient goes to the first that equals the maximum, if that is above zero.
template <typename T>
ADAINSTYLE_MULTIVERSION void route_window(const T* __restrict f0, const T* __restrict f1, const T* __restrict f2,
                                          const T* __restrict f3, const float* __restrict gradient, std::int64_t channels,
                                          T* __restrict o0, T* __restrict o1, T* __restrict o2, T* __restrict o3) {
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int32_t v0 = order(f0[c]), v1 = order(f1[c]), v2 = order(f2[c]), v3 = order(f3[c]);
    const std::int32_t best = std::max(std::max(v0, v1), std::max(v2, v3));
    const float g0 = best > 0 ? gradient[c] : 0.0f;
    const float g1 = v0 == best ? 0.0f : g0;  // what the earlier ones have left
    const float g2 = v1 == best ? 0.0f : g1;
    const float g3 = v2 == best ? 0.0f : g2;
    store(o0 + c, v0 == best ? g0 : 0.0f);
    store(o1 + c, v1 == best ? g1 : 0.0f);
    store(o2 + c, v2 == best ? g2 : 0.0f);
    store(o3 + c, g3);
  }
}

// Adds to `row` (W * C floats) what the padded gradient holds for source row y of image n.
template <typename T>
void fold_row(const T* padded, const Extent& e, std::int64_t n, std::int64_t y, Padding padding, float* row) {
  const std::int64_t padded_width = e.w + 2;
  const Sources rows(y, e.h, padding);
  for (int i = 0; i < rows.count; ++i) {
    const T* from = padded + (n * (e.h + 2) + rows.at[i]) * padded_width * e.c;
    accumulate(from + e.c, e.w * e.c, row);
    accumulate(from, e.c, row + shown<std::int64_t>(0, e.w, padding) * e.c);
    accumulate(from + (padded_width - 1) * e.c, e.c, row + shown(e.w + 1, e.w, padding) * e.c);
  }
}

// Runs body(n, y, scratch row of W * C zeroed floats) for every row.
template <typename Body>
void for_rows(const Extent& e, std::int64_t row_floats, const Body& body) {
  at::parallel_for(0, e.n * e.h, 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(row_floats);
    for (std::int64_t i = begin; i < end; ++i) {
      std::fill(row.begin(), row.end(), 0.0f);
      body(i / e.h, i % e.h, row.data());
    }
  });
}

template <typename T>
void copy_padded_columns(T* row, std::int64_t width, std::int64_t channels, Padding padding) {
  std::memcpy(row, row + (1 + shown<std::int64_t>(0, width, padding)) * channels, channels * sizeof(T));
  std::memcpy(row + (width + 1) * channels, row + (1 + shown(width + 1, width, padding)) * channels, channels * sizeof(T));
}

at::Tensor pad(const at::Tensor& input, Padding padding) {
  const Extent e(input);
  at::Tensor output = empty_channels_last(e.n, e.c, e.h + 2, e.w + 2, input);
  for_type(input, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T* from = data_of<T>(input);
    T* to = data_of<T>(output);
    at::parallel_for(0, e.n * (e.h + 2), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t source = i / (e.h + 2) * e.h + shown(i % (e.h + 2), e.h, padding);
        T* row = to + i * (e.w + 2) * e.c;
        std::memcpy(row + e.c, from + source * e.w * e.c, e.w * e.c * sizeof(T));
        copy_padded_columns(row, e.w, e.c, padding);
      }
    });
  });
  return output;
}

at::Tensor pad_backward(const at::Tensor& padded_gradient, Padding padding) {
  Extent e(padded_gradient);
  e.h -= 2;
  e.w -= 2;
  at::Tensor output = empty_channels_last(e.n, e.c, e.h, e.w, padded_gradient);
  for_type(padded_gradient, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    for_rows(e, e.w * e.c, [&](std::int64_t n, std::int64_t y, float* row) {
      fold_row(data_of<T>(padded_gradient), e, n, y, padding, row);
      store_row(row, e.w * e.c, data_of<T>(output) + (n * e.h + y) * e.w * e.c);
    });
  });
  return output;
}

}  // namespace

at::Tensor pad_reflect(const at::Tensor& input) {
  return input.is_cpu() ? pad(input, Padding::kReflect) : device_passes::pad_reflect(input);
}

at::Tensor pad_replicate(const at::Tensor& input) {
  return input.is_cpu() ? pad(input, Padding::kReplicate) : device_passes::pad_replicate(input);
}

at::Tensor pool_and_pad_reflect(const at::Tensor& input) {
  if (!input.is_cpu()) return device_passes::pool_and_pad_reflect(input);
  const Extent e(input);
  const std::int64_t h = (e.h + 1) / 2, w = (e.w + 1) / 2;
  at::Tensor output = empty_channels_last(e.n, e.c, h + 2, w + 2, input);
  for_type(input, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T* from = data_of<T>(input);
    T* to = data_of<T>(output);
    at::parallel_for(0, e.n * (h + 2), 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t y = 2 * shown(i % (h + 2), h, Padding::kReflect);
        const T* upper = from + (i / (h + 2) * e.h + y) * e.w * e.c;
        T* row = to + i * (w + 2) * e.c;
        max_rows(upper, y + 1 < e.h ? upper + e.w * e.c : upper, e.w, e.c, row + e.c);
        copy_padded_columns(row, w, e.c, Padding::kReflect);
      }
    });
  });
  return output;
}

at::Tensor channel_sums(const at::Tensor& a, const at::Tensor& b) {
  if (!a.is_cpu()) return device_passes::channel_sums(a, b);
  const Extent e(a);
  TORCH_CHECK(b.sizes() == a.sizes() && b.scalar_type() == a.scalar_type() && b.is_contiguous(at::MemoryFormat::ChannelsLast),
              "both must lie alike");
  // Blocks of rows of a fixed size, added in order: the result does not depend on how threads share the work.
  constexpr std::int64_t kRows = 8;
  const std::int64_t blocks = (e.h + kRows - 1) / kRows;
  std::vector<float> partial(e.n * blocks * 2 * e.c, 0.0f);
  for_type(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    at::parallel_for(0, e.n * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t y = i % blocks * kRows;
        float* sums = partial.data() + i * 2 * e.c;
        for (std::int64_t row = y; row < std::min(y + kRows, e.h); ++row) {
          const std::int64_t at = (i / blocks * e.h + row) * e.w * e.c;
          add_sums(data_of<T>(a) + at, data_of<T>(b) + at, e.w, e.c, sums, sums + e.c);
        }
      }
    });
  });
  at::Tensor total = at::empty({e.n, 2, e.c}, a.options().dtype(at::kFloat).memory_format(at::MemoryFormat::Contiguous));
  float* to = data_of<float>(total);
  for (std::int64_t n = 0; n < e.n; ++n) {
    for (std::int64_t c = 0; c < 2 * e.c; ++c) {
      double sum = 0.0;
      for (std::int64_t b = 0; b < blocks; ++b) sum += partial[(n * blocks + b) * 2 * e.c + c];
      to[n * 2 * e.c + c] = static_cast<float>(sum);
    }
  }
  return total;
}

void feature_statistics(const at::Tensor& features, float eps, at::Tensor* mean, at::Tensor* std) {
  const double count = static_cast<double>(features.size(2) * features.size(3));
  const at::Tensor sums = channel_sums(features, features).to(at::kDouble) / count;
  const at::Tensor m = sums.select(1, 0);
  *mean = m.to(at::kFloat);
  *std = (sums.select(1, 1) - m * m).clamp_min(0.0).add(eps).sqrt().to(at::kFloat);
}

at::Tensor affine(const at::Tensor& a, const at::Tensor& slope, const at::Tensor& offset, const at::Tensor& b,
                  const at::Tensor& slope_b) {
  if (!a.is_cpu()) return device_passes::affine(a, slope, offset, b, slope_b);
  const Extent e(a);
  at::Tensor output = empty_channels_last(e.n, e.c, e.h, e.w, a);
  for_type(a, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    at::parallel_for(0, e.n * e.h, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t at = i * e.w * e.c, channel = i / e.h * e.c;
        const float *of_a = data_of<float>(slope) + channel, *constant = data_of<float>(offset) + channel;
        T* to = data_of<T>(output) + at;
        if (b.defined()) {
          affine_row(data_of<T>(a) + at, of_a, data_of<T>(b) + at, data_of<float>(slope_b) + channel, constant, e.w, e.c, to);
        } else {
          affine_row(data_of<T>(a) + at, of_a, constant, e.w, e.c, to);
        }
      }
    });
  });
  return output;
}

at::Tensor relu_backward(const at::Tensor& features, const at::Tensor& padded_gradient, const at::Tensor& direct,
                         const at::Tensor& offset, const at::Tensor& slope) {
  if (!features.is_cpu()) return device_passes::relu_backward(features, padded_gradient, direct, offset, slope);
  const Extent e(features);
  at::Tensor output = empty_channels_last(e.n, e.c, e.h, e.w, features);
  for_type(features, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T* feature = data_of<T>(features);
    for_rows(e, e.w * e.c, [&](std::int64_t n, std::int64_t y, float* row) {
      const std::int64_t at = (n * e.h + y) * e.w * e.c;
      if (padded_gradient.defined()) fold_row(data_of<T>(padded_gradient), e, n, y, Padding::kReflect, row);
      if (direct.defined()) accumulate(data_of<T>(direct) + at, e.w * e.c, row);
      if (offset.defined()) {
        accumulate_affine(feature + at, data_of<float>(offset) + n * e.c, data_of<float>(slope) + n * e.c, e.w, e.c, row);
      }
      store_masked(row, feature + at, e.w * e.c, data_of<T>(output) + at);
    });
  });
  return output;
}

at::Tensor relu_pool_backward(const at::Tensor& features, const at::Tensor& padded_gradient) {
  if (!features.is_cpu()) return device_passes::relu_pool_backward(features, padded_gradient);
  const Extent e(features);
  at::Tensor output = empty_channels_last(e.n, e.c, e.h, e.w, features);
  Extent pooled(padded_gradient);
  pooled.h -= 2;
  pooled.w -= 2;
  for_type(features, [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    const T* feature = data_of<T>(features);
    for_rows(pooled, pooled.w * e.c, [&](std::int64_t n, std::int64_t py, float* row) {
      fold_row(data_of<T>(padded_gradient), pooled, n, py, Padding::kReflect, row);
      const bool below = 2 * py + 1 < e.h;
      const std::int64_t upper = (n * e.h + 2 * py) * e.w * e.c;
      const std::int64_t down = below ? e.w * e.c : 0;
      std::vector<T> outside(3 * e.c);
      for (std::int64_t px = 0; px < pooled.w; ++px) {
        const bool beside = 2 * px + 1 < e.w;
        const std::int64_t right = beside ? e.c : 0;
        const std::int64_t at = upper + 2 * px * e.c;
        const std::int64_t offsets[4] = {at, at + right, at + down, at + down + right};
        const bool present[4] = {true, beside, below, beside && below};
        // Where the window hangs over the border its outer members repeat an inner one, which takes the gradient first.
        T* out[4];
        for (int k = 0; k < 4; ++k) out[k] = present[k] ? data_of<T>(output) + offsets[k] : outside.data() + (k - 1) * e.c;
        route_window(feature + offsets[0], feature + offsets[1], feature + offsets[2], feature + offsets[3], row + px * e.c, e.c,
                     out[0], out[1], out[2], out[3]);
      }
    });
  });
  return output;
}

at::Tensor pad_reflect_backward(const at::Tensor& padded_gradient) {
  return padded_gradient.is_cpu() ? pad_backward(padded_gradient, Padding::kReflect)
                                  : device_passes::pad_reflect_backward(padded_gradient);
}

at::Tensor pad_replicate_backward(const at::Tensor& padded_gradient) {
  return padded_gradient.is_cpu() ? pad_backward(padded_gradient, Padding::kReplicate)
                                  : device_passes::pad_replicate_backward(padded_gradient);
}

}  // namespace adainstyle
