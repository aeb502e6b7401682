// SPDX-License-Identifier: MIT
#include "engine/adain_body.h"
#include "engine/cuda_kernels.h"
#include "engine/cuda_launch.h"

namespace adainstyle {
namespace {

constexpr int kChannels = 32;  // of a block of sum_kernel
constexpr int kLanes = 32;     // that share the parts of a channel
constexpr int kPointThreads = 256;
constexpr int kCorrectionThreads = 64;

// Grid: channels by (regions, sum or squares).
__global__ void sum_kernel(PointJob job) {
  __shared__ double by_lane[kLanes][kChannels + 1];  // + 1: lanes in different banks
  const int channel = blockIdx.x * kChannels + threadIdx.x;
  const int region = blockIdx.y / 2;
  const int which = blockIdx.y % 2;
  by_lane[threadIdx.y][threadIdx.x] = channel < job.channels ? sum_of_parts(job, region, which, channel, threadIdx.y, kLanes) : 0.0;
  __syncthreads();
  if (threadIdx.y != 0 || channel >= job.channels) return;
  double sum = 0.0;
  for (int lane = 0; lane < kLanes; ++lane) sum += by_lane[lane][threadIdx.x];
  job.sums[static_cast<std::ptrdiff_t>(blockIdx.y) * job.channels + channel] = sum;
}

// Of a block; every thread gets it.
template <typename Value, int kThreads>
__device__ Value sum_over_block(Value value) {
  __shared__ Value values[kThreads];
  values[threadIdx.x] = value;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) values[threadIdx.x] += values[threadIdx.x + half];
  }
  __syncthreads();
  return values[0];
}

__device__ void smooth(const PointJob& job) {
  const SmoothingVectors& smoothing = job.smoothing;
  double squares = 0.0;
  for (int c = threadIdx.x; c < job.used; c += kPointThreads) squares += squared_move(job, c);
  squares = sum_over_block<double, kPointThreads>(squares);
  if (threadIdx.x == 0 && smoothing.first && begins_anew(job, squares)) ++smoothing.generation[0];
  __syncthreads();
  const bool follows = has_average(job);
  for (int region = 0; region < job.regions; ++region) {
    for (int c = threadIdx.x; c < job.channels; c += kPointThreads) smooth_channel(job, follows, region, c);
  }
  __syncthreads();
  if (threadIdx.x == 0) smoothing.generation[1 + smoothing.point] = smoothing.generation[0];
}

// One block: a thread keeps to its channels.
__global__ void __launch_bounds__(kPointThreads) point_kernel(PointJob job) {
  for (int region = 0; region < job.regions; ++region) {
    for (int c = threadIdx.x; c < job.channels; c += kPointThreads) measure_channel(job, region, c);
  }
  if (job.smoothing.average != nullptr) smooth(job);
  for (int c = threadIdx.x; c < job.channels; c += kPointThreads) finish_channel(job, c);
}

// Grid: outputs.
__global__ void __launch_bounds__(kCorrectionThreads) correction_kernel(CorrectionJob job) {
  float added = 0.0f;
  for (int c = threadIdx.x; c < job.channels; c += kCorrectionThreads) added += correction(job, blockIdx.x, c);
  added = sum_over_block<float, kCorrectionThreads>(added);
  if (threadIdx.x == 0) job.corrected[blockIdx.x] = job.bias[blockIdx.x] + added;
}

}  // namespace

const char* cuda_run(const PointJob& job, adainstyle_cuda_stream stream) {
  sum_kernel<<<dim3(blocks_for(job.channels, kChannels), 2 * job.regions), dim3(kChannels, kLanes), 0, stream>>>(job);
  point_kernel<<<1, kPointThreads, 0, stream>>>(job);
  return last_launch_error();
}

const char* cuda_run(const CorrectionJob& job, adainstyle_cuda_stream stream) {
  correction_kernel<<<job.outputs, kCorrectionThreads, 0, stream>>>(job);
  return last_launch_error();
}

}  // namespace adainstyle
