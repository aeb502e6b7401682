// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <c10/core/Device.h>

namespace adainstyle {

inline constexpr char kDeviceHelp[] =
    "auto (a GPU where there is one), cpu, cuda or cuda:N; torchrun's LOCAL_RANK chooses N for cuda";

// The device that `name` means. Loads LibTorch's CUDA half unless the name is "cpu". Throws Error(kSettings) for another text and
// Error(kDeviceAbsent) for a GPU that cannot be used.
at::Device training_device(const std::string& name);

}  // namespace adainstyle
