// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "engine/gpu_model.h"

namespace adainstyle {

std::unique_ptr<Engine> make_gpu_engine(std::shared_ptr<const GpuModel> model, std::unique_ptr<DeviceQueue> queue);

}  // namespace adainstyle
