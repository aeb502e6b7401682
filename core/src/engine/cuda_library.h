// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace adainstyle {

// GPUs that can be used: counted by the driver, provided that LibTorch's CUDA half and libadainstyle-cuda load. Nothing of CUDA is
// touched before the first call. 0 where anything is missing.
int cuda_device_count();

// Why cuda_device_count() is 0.
std::string cuda_absence_reason();

}  // namespace adainstyle
