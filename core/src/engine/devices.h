// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <memory>
#include <string>

#include "engine/engine.h"

namespace adainstyle {

// "auto", "cpu", "cuda" or "cuda:N". auto: the first GPU, else the CPU. Throws Error(kSettings) for another text and
// Error(kDeviceAbsent) for a GPU that is not there.
Device find_device(const std::string& name);

// "cpu" or "cuda:N".
std::string device_name(const Device& device);

// What Precision::kAuto means on a device.
Precision fastest_precision(const Device& device);

// Lowers and packs a model with the engine that fits (Note [Three engines]).
std::shared_ptr<const PreparedModel> prepare(const Model& model, const Device& device, Precision precision);

// What an exception out of LibTorch says, without the call stack that it brings along.
std::string plain_message(const std::exception& error);

// Whether an exception out of LibTorch says that memory ran out.
bool is_out_of_memory(const std::exception& error);

}  // namespace adainstyle
