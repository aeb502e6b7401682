// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "engine/device_queue.h"

namespace adainstyle {

// GPUs that can be used: counted by the driver, provided that LibTorch's CUDA half and libadainstyle-cuda load. Nothing of CUDA is
// touched before the first call. 0 where anything is missing.
int cuda_device_count();

// Why cuda_device_count() is 0.
std::string cuda_absence_reason();

// A queue on a GPU, for features of a type. Throws Error(kDeviceAbsent) and what LibTorch throws.
std::unique_ptr<DeviceQueue> make_cuda_queue(int device_index, at::ScalarType type);

}  // namespace adainstyle
