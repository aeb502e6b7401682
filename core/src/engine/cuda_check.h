// SPDX-License-Identifier: MIT
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "adainstyle/error.h"

namespace adainstyle {

// `what` completes "the GPU failed while".
inline void cuda_check(const char* error, const char* what) {
  if (error != nullptr) throw Error(ErrorCode::kLibrary, std::string("the GPU failed while ") + what + ": " + error);
}

inline void cuda_check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // or the next call reports it again
  if (error == cudaErrorMemoryAllocation) {
    throw Error(ErrorCode::kOutOfMemory, std::string("the GPU's memory is full: out of memory while ") + what);
  }
  cuda_check(cudaGetErrorString(error), what);
}

// An event that only orders work.
class CudaEvent {
 public:
  CudaEvent() { cuda_check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }
  ~CudaEvent() { cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  void record(cudaStream_t stream) { cuda_check(cudaEventRecord(event_, stream), "marking its work"); }

  // Everything asked of `stream` from now on happens after what was recorded.
  void let_wait(cudaStream_t stream) const { cuda_check(cudaStreamWaitEvent(stream, event_, 0), "ordering its work"); }

  // Returns at once where nothing was recorded.
  void wait() const { cuda_check(cudaEventSynchronize(event_), "working"); }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace adainstyle
