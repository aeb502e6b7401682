// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <random>
#include <string>

#include "model_file.h"
#include "network_presets.h"

namespace adainstyle::benchmarks {

// A preset network with random weights: how long a frame takes does not depend on them.
inline Model random_model(const std::string& preset) {
  Model model;
  model.network = preset_network(preset);
  std::mt19937 random(1);
  for (const TensorSpec& spec : required_tensors(model.network)) {
    TensorData& tensor = model.weights[spec.name];
    tensor.shape = spec.shape;
    std::int64_t inputs = 1;
    for (std::size_t i = 1; i < spec.shape.size(); ++i) inputs *= spec.shape[i];
    std::normal_distribution<float> values(0.0f, spec.shape.size() == 4 ? std::sqrt(2.0f / static_cast<float>(inputs)) : 0.0f);
    tensor.values.resize(spec.shape[0] * inputs);
    for (float& value : tensor.values) value = values(random);
  }
  return model;
}

}  // namespace adainstyle::benchmarks
