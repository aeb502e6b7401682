// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <cuda.h>

#include "standin_cuda.h"

#define STANDIN_API extern "C" __attribute__((visibility("default")))

struct CUctx_st {
  CUdevice device;
  bool primary;
};

struct CUstream_st {
  CUcontext context;
};

namespace adainstyle::standin {

constexpr std::size_t kPitch = 512;  // as real devices have it: rows of a picture seldom fill it

struct Block {
  std::size_t size = 0;
  CUcontext context = nullptr;
  std::unique_ptr<std::uint8_t[]> shadow;  // of device memory
};

using Blocks = std::map<std::uintptr_t, Block>;  // by address

struct Fault {
  int skipped;
  CUresult result;
};

struct Driver {
  std::mutex lock;  // held by call(); whatever takes a Driver& expects it
  int devices = 1;
  bool lost = false;
  std::map<std::string, Fault> faults;
  std::vector<std::string> complaints;
  Counters counters;
  std::set<CUcontext> contexts;
  std::map<int, CUctx_st> primaries;
  Blocks device_blocks;
  Blocks host_blocks;
};

Driver& driver();

// The contexts pushed on this thread, the current one last.
std::vector<CUcontext>& stack();
inline CUcontext current() { return stack().empty() ? nullptr : stack().back(); }

inline void complain(const std::string& text) { driver().complaints.push_back(text); }

inline bool is_device(const Driver& state, CUdevice device) { return device >= 0 && device < state.devices; }

CUresult push(Driver& state, CUcontext context);
CUresult pop(Driver& state, CUcontext* context);
CUresult allocate(Driver& state, std::size_t size, CUdeviceptr* pointer);
CUresult release(Driver& state, CUdeviceptr pointer);
CUresult copy(Driver& state, const CUDA_MEMCPY2D& job);

enum class Needs { kNothing, kDevice, kContext };

// Runs the body of a driver function under the lock, unless the function is told to fail or what it needs is missing.
template <typename Body>
CUresult call(const char* function, Needs needs, const Body& body) {
  Driver& state = driver();
  const std::lock_guard guard(state.lock);
  if (const auto fault = state.faults.find(function); fault != state.faults.end() && fault->second.skipped-- == 0) {
    const CUresult result = fault->second.result;
    state.faults.erase(fault);
    return result;
  }
  if (needs != Needs::kNothing && state.lost) return CUDA_ERROR_LAUNCH_FAILED;
  if (needs == Needs::kContext && current() == nullptr) {
    complain(std::string(function) + " was called without a context");
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  return body(state);
}

}  // namespace adainstyle::standin
