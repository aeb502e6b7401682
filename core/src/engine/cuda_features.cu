// SPDX-License-Identifier: MIT
#include "engine/cuda_kernels.h"
#include "engine/cuda_launch.h"
#include "engine/feature_body.h"

namespace adainstyle {
namespace {

// Of a block. A thread takes one group of channels of every so many pixels, so that a warp reads neighbouring bytes.
constexpr int kThreads = 256;

__device__ int groups_of(const FeatureMap& map) { return map.channels / kGroup; }

// Adds up what the threads of a block have in `sums` for the same channel, and leaves it among the partials.
__device__ void store_partials(const FeatureJob& job, const Pack& origin, const PackSums& sums, int group, int lane, int lanes) {
  __shared__ float by_lane[2][kThreads * kGroup];  // [lane][channels]: sum and squares
  const int channels = domain_of(job).channels;
  const bool works = lane < lanes;
  if (works && lane == 0 && blockIdx.x == 0) {
    for (int i = 0; i < kGroup; ++i) job.partials[group * kGroup + i] = origin.v[i];
  }
#pragma unroll  // keeps `sums` in registers
  for (int region = 0; region < 2; ++region) {
    if (region == job.regions) return;
    __syncthreads();
    for (int i = 0; works && i < kGroup; ++i) {
      by_lane[0][lane * channels + group * kGroup + i] = sums.sum[region][i];
      by_lane[1][lane * channels + group * kGroup + i] = sums.squares[region][i];
    }
    __syncthreads();
    float* out =
        job.partials + static_cast<std::ptrdiff_t>(channels) * (1 + 2 * (region * job.parts + static_cast<int>(blockIdx.x)));
    for (int at = threadIdx.x; at < 2 * channels; at += kThreads) {
      const float* values = by_lane[at / channels] + at % channels;
      float sum = 0.0f;
      for (int other = 0; other < lanes; ++other) sum += values[other * channels];
      out[at] = sum;
    }
  }
}

// Grid: parts, each of which takes every parts-th run of pixels.
template <typename Number, bool kMeasures>
__global__ void __launch_bounds__(kThreads) feature_kernel(FeatureJob job) {
  const FeatureMap& domain = domain_of(job);
  const int groups = groups_of(domain);
  const int lanes = kThreads / groups;
  const int group = threadIdx.x % groups;
  const int lane = threadIdx.x / groups;
  const int border = job.output.data == nullptr ? 0 : domain.border;
  const int across = domain.width + 2 * border;
  const int pixels = across * (domain.height + 2 * border);
  Pack origin = {};
  if (kMeasures) origin = origin_of<Number>(job, group);
  PackSums sums;
  if (lane < lanes) {
    for (int i = blockIdx.x * lanes + lane; i < pixels; i += gridDim.x * lanes) {
      run_pixel<Number>(job, origin, i % across - border, i / across - border, group, sums);
    }
  }
  if (kMeasures) store_partials(job, origin, sums, group, lane, lanes);
}

template <typename Number>
__global__ void __launch_bounds__(kThreads) border_kernel(FeatureJob job) {
  const int groups = groups_of(job.output);
  const int i = static_cast<int>((blockIdx.x * kThreads + threadIdx.x) / groups);
  if (i >= border_pixels(job.output)) return;
  PackSums none;
  const BorderPixel pixel = border_pixel(job.output, i);
  run_pixel<Number>(job, {}, pixel.x, pixel.y, (blockIdx.x * kThreads + threadIdx.x) % groups, none);
}

}  // namespace

const char* cuda_run(const FeatureJob& job, NumberFormat format, adainstyle_cuda_stream stream) {
  const FeatureMap& domain = domain_of(job);
  const int groups = domain.channels / kGroup;
  if (groups > kThreads) return "features have more channels than a block of threads can take";
  const long long pixels = static_cast<long long>(domain.width + 2) * (domain.height + 2);
  with_number(format, [&](auto* type) {
    using Number = std::remove_pointer_t<decltype(type)>;
    if (job.kind == FeatureJob::Kind::kBorder) {
      const long long items = static_cast<long long>(border_pixels(domain)) * groups;
      border_kernel<Number><<<blocks_for(items, kThreads), kThreads, 0, stream>>>(job);
    } else if (job.partials != nullptr) {
      feature_kernel<Number, true><<<job.parts, kThreads, 0, stream>>>(job);
    } else {
      feature_kernel<Number, false><<<blocks_for(pixels, kThreads / groups), kThreads, 0, stream>>>(job);
    }
  });
  return last_launch_error();
}

}  // namespace adainstyle
