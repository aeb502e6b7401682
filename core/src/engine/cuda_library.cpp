// SPDX-License-Identifier: MIT
#include "engine/cuda_library.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include "engine/cuda_entry.h"
#include "engine/devices.h"

namespace adainstyle {
namespace {

struct CudaLibrary {
  int devices = 0;
  std::string absence;  // why devices is 0
  decltype(&adainstyle_make_cuda_queue) make_queue = nullptr;
};

// Counts devices with the driver alone, so that machines without one never load the large libraries.
int driver_device_count(std::string& absence) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!driver) {
    absence = "no NVIDIA driver (libcuda.so.1) is installed";
    return 0;
  }
  const auto init = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
  const auto count_of = reinterpret_cast<int (*)(int*)>(dlsym(driver, "cuDeviceGetCount"));
  int count = 0;
  if (!init || !count_of || init(0) != 0 || count_of(&count) != 0 || count <= 0) {
    absence = "the NVIDIA driver finds no device";
    return 0;
  }
  return count;
}

// Counts those that LibTorch's CUDA half can use, once it is loaded: it needs a newer driver than counting takes.
int torch_device_count(std::string& absence) {
  try {
    at::globalContext().lazyInitDevice(at::kCUDA);
    return at::detail::getCUDAHooks().deviceCount();
  } catch (const std::exception& error) {
    absence = "LibTorch cannot use it: " + plain_message(error);
    return 0;
  }
}

CudaLibrary load() {
  CudaLibrary library;
  if (driver_device_count(library.absence) == 0) return library;
  for (const char* name : {"libtorch_cuda.so", "libadainstyle-cuda.so"}) {
    void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      library.absence = dlerror();
      return library;
    }
    library.make_queue = reinterpret_cast<decltype(library.make_queue)>(dlsym(handle, kCudaQueueSymbol));
  }
  if (library.make_queue) {
    library.devices = torch_device_count(library.absence);
  } else {
    library.absence = "libadainstyle-cuda.so is of another version";
  }
  return library;
}

const CudaLibrary& cuda_library() {
  static const CudaLibrary library = load();
  return library;
}

}  // namespace

int cuda_device_count() { return cuda_library().devices; }

std::string cuda_absence_reason() { return cuda_library().absence; }

std::unique_ptr<DeviceQueue> make_cuda_queue(int device_index, at::ScalarType type) {
  if (cuda_device_count() == 0) throw Error(ErrorCode::kDeviceAbsent, "no GPU can be used: " + cuda_absence_reason());
  return std::unique_ptr<DeviceQueue>(cuda_library().make_queue(device_index, type));
}

}  // namespace adainstyle
