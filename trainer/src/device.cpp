// SPDX-License-Identifier: MIT
#include "device.h"

#include <dlfcn.h>

#include <cstdlib>

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>

#include "adainstyle/error.h"
#include "device_passes.h"

namespace adainstyle {
namespace {

// How many GPUs can be used; where none, `reason` says why.
int usable_gpus(std::string* reason) {
  if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) == nullptr) {
    *reason = "no NVIDIA driver (libcuda.so.1) is installed";
    return 0;
  }
  // Its constructors register the CUDA kernels with LibTorch.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    *reason = dlerror();
    return 0;
  }
  if (!device_passes::have_cuda_passes(reason)) return 0;
  const int count = at::detail::getCUDAHooks().deviceCount();
  if (count == 0) *reason = "the NVIDIA driver finds no device";
  return count;
}

// The GPU that torchrun means this process to have.
int local_rank() {
  const char* text = std::getenv("LOCAL_RANK");
  return text != nullptr ? std::atoi(text) : 0;
}

}  // namespace

at::Device training_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  int index = local_rank();
  if (name.rfind("cuda:", 0) == 0) {
    try {
      index = at::Device(name).index();
    } catch (const c10::Error&) {
      index = -1;
    }
  } else if (name != "auto" && name != "cuda") {
    index = -1;
  }
  if (index < 0) throw Error(ErrorCode::kSettings, "The device is \"" + name + "\"; it must be auto, cpu, cuda or cuda:N.");
  std::string reason;
  const int count = usable_gpus(&reason);
  if (index < count) {
    at::globalContext().setBenchmarkCuDNN(true);  // all batches of a training have the same size
    return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
  }
  if (name == "auto" && count == 0) return at::kCPU;
  throw Error(ErrorCode::kDeviceAbsent,
              "GPU " + std::to_string(index) + " is asked for, but " +
                  (count > 0 ? "only " + std::to_string(count) + " are here, counted from 0" : "none can be used: " + reason) +
                  "; choose another --device, or start fewer processes.");
}

}  // namespace adainstyle
