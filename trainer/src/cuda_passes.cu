// SPDX-License-Identifier: MIT
#include <cuda_runtime.h>

#include "pass_body.h"

namespace adainstyle {
namespace {

constexpr int kThreads = 256;

// One thread a value: neighbouring threads read and write neighbouring channels.
template <typename T, typename Body>
__global__ void __launch_bounds__(kThreads) pass_kernel(PassJob job, std::int64_t count) {
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (index < count) Body::template run<T>(job, pass_body::place_of(job, index));
}

}  // namespace
}  // namespace adainstyle

extern "C" const char* adainstyle_run_cuda_pass(const adainstyle::PassJob& job, void* stream) {
  using namespace adainstyle;
  const std::int64_t count = static_cast<std::int64_t>(job.n) * job.h * job.w * job.c;
  const auto blocks = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  const auto queue = static_cast<cudaStream_t>(stream);
  pass_body::with_body(job.kind, [&](auto body) {
    using Body = decltype(body);
    if (job.bfloat16) {
      pass_kernel<Half, Body><<<blocks, kThreads, 0, queue>>>(job, count);
    } else {
      pass_kernel<float, Body><<<blocks, kThreads, 0, queue>>>(job, count);
    }
  });
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}
