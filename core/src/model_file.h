// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "network.h"
#include "safetensors.h"

namespace adainstyle {

// Note [The model file]
// A safetensors container whose __metadata__ holds
//   adainstyle.format  "1", the version of this note
//   network            JSON of the two lists of operations (network.h)
//   eps, input         "1e-05", "RGB 0..1"; padding "reflection"; variance "biased"
//   training           JSON object: how it was made (data, iterations, loss weights, seed, commit); optional
//   validation         JSON object: measured figures; optional
// and whose tensors are exactly those that required_tensors(network) lists.
struct Model {
  Network network;
  std::map<std::string, TensorData> weights;
  nlohmann::json training = nlohmann::json::object();
  nlohmann::json validation = nlohmann::json::object();
};

// Each throws as read_safetensors does, and Error(kMalformedModel) where the metadata or the set of tensors is not the format's.
Model parse_model(const std::uint8_t* bytes, std::size_t size, const std::string& source);
Model read_model(const std::string& path);

// Validates, serialises and writes atomically.
void write_model(const std::string& path, const Model& model, DataType type);

}  // namespace adainstyle
