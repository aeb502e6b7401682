// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "engine/device_queue.h"

namespace adainstyle {

// GPUs that can be used: counted by LibTorch's CUDA half, provided that the driver finds one and that half and libadainstyle-cuda load.
// Nothing of CUDA is touched before the first call. 0 where anything is missing.
//
// at::conv2d, even on the CPU, settles for the whole process whether LibTorch has a CUDA half. So this has to be called before.
int cuda_device_count();

// Why cuda_device_count() is 0.
std::string cuda_absence_reason();

// A queue on a GPU, for features of a type. Throws Error(kDeviceAbsent) and what LibTorch throws.
std::unique_ptr<DeviceQueue> make_cuda_queue(int device_index, at::ScalarType type);

}  // namespace adainstyle
