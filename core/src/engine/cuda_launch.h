// SPDX-License-Identifier: MIT
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "engine/feature_jobs.h"

// What every file of kernels needs.

namespace adainstyle {

// Calls `call` with a null pointer of the number's type.
template <typename Call>
void with_number(NumberFormat format, const Call& call) {
  switch (format) {
    case NumberFormat::kFp32: return call(static_cast<float*>(nullptr));
    case NumberFormat::kFp16: return call(static_cast<__half*>(nullptr));
    case NumberFormat::kBf16: return call(static_cast<__nv_bfloat16*>(nullptr));
  }
}

inline const char* last_launch_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

inline int blocks_for(long long items, int per_block) { return static_cast<int>((items + per_block - 1) / per_block); }

}  // namespace adainstyle
