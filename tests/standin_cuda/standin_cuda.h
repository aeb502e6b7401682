// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace adainstyle::standin {

// A libcuda.so.1 for machines without a GPU: what GStreamer's gst/cuda and the element call of the driver API, on host memory. It
// keeps what makes a GPU different and so finds what would go wrong on one:
//
//   - a "device" pointer cannot be read or written by the CPU (touching it ends the process); only copies, and what asks for its
//     shadow, reach the bytes;
//   - memory belongs to the context that allocated it, contexts are pushed and popped per thread, and calls that need a context fail
//     without one;
//   - copies are checked against the allocations, counted by direction, and nothing works once the device is lost.
//
// What is computed on a GPU is not simulated: streams run at once, kernels do not exist.
struct Counters {
  int contexts = 0;         // made by cuCtxCreate and alive
  int primary_retains = 0;  // primary contexts retained and not released
  int device_blocks = 0;    // alive
  int host_blocks = 0;      // pinned, alive
  int streams = 0;          // alive
  int pushed = 0;           // contexts on the stacks of all threads
  std::uint64_t allocations = 0;
  std::uint64_t host_to_device = 0;  // copies; so are the next two
  std::uint64_t device_to_host = 0;
  std::uint64_t device_to_device = 0;
};

// What the tests reach by dlsym(RTLD_DEFAULT) or dlopen("libcuda.so.1").
struct Control {
  int (*devices)();

  // No faults, no complaints, `devices` GPUs, no context pushed on this thread, the sums of Counters at zero (what is alive stays
  // counted).
  void (*reset)(int devices);

  Counters (*counters)();

  // Misuse since the last reset, one sentence each: copies outside of an allocation, memory freed twice, a context popped that was
  // not pushed, a call without a context.
  std::vector<std::string> (*complaints)();

  // The call after `skipped` more calls of the driver function (its name without _v2) fails, once, with the CUresult.
  void (*fail)(const char* function, int skipped, int result);

  // From now on every call that touches the device fails, as after a kernel that broke.
  void (*lose_device)();

  // The bytes behind `size` bytes of device memory, for what plays a kernel's part. Null where a kernel would fault: not all of it
  // lies in one block of the context that is current on this thread.
  std::uint8_t* (*shadow)(const void* device_pointer, std::size_t size);
};

constexpr char kControlSymbol[] = "adainstyle_standin_cuda_control";

}  // namespace adainstyle::standin

extern "C" const adainstyle::standin::Control* adainstyle_standin_cuda_control();
