// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adainstyle/stylizer.h"
#include "engine/engine.h"

namespace adainstyle {

// A model file on a device in a precision, shared by all stylizers that use it.
struct LoadedModel {
  std::shared_ptr<const PreparedModel> prepared;
  std::uint64_t id = 0;  // of the file: the same on every device and in every precision
  int radius = 0;        // receptive_radius
  int stride = 1;        // overall_stride
};

// Reads and prepares a model, or gives the one that is in use already: a file is held in memory once for each device and precision,
// for as long as one stylizer uses it. A file that was replaced is another one. Any thread. Throws Error.
std::shared_ptr<const LoadedModel> load_model(const std::string& path, const Device& device, Precision precision);

}  // namespace adainstyle
