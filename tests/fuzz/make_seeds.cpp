// SPDX-License-Identifier: MIT
// Writes small models, valid and nearly valid, into a folder: what fuzz_model starts from.
#include <iostream>
#include <string>

#include "adainstyle/error.h"
#include "json_text.h"
#include "model_file.h"

namespace {

using namespace adainstyle;

// Every operation once or more, few channels.
constexpr char kEveryOperation[] = R"({
  "encoder": [{"op": "conv1x1", "name": "a", "inputs": 3, "outputs": 2, "relu": false},
              {"op": "pixel_unshuffle", "factor": 2},
              {"op": "tap", "index": 1},
              {"op": "conv3x3", "name": "b", "inputs": 8, "outputs": 2, "stride": 2, "relu": true},
              {"op": "residual", "name": "c", "channels": 2},
              {"op": "max_pool"},
              {"op": "tap", "index": 0}],
  "decoder": [{"op": "adain", "tap": 0},
              {"op": "upsample_nearest", "factor": 2},
              {"op": "upsample_nearest", "factor": 2},
              {"op": "conv3x3", "name": "d", "inputs": 2, "outputs": 12, "relu": false},
              {"op": "pixel_shuffle", "factor": 2}]})";
constexpr char kSmallest[] = R"({"encoder": [{"op": "tap", "index": 0}], "decoder": [{"op": "adain", "tap": 0}]})";

Model model_of(const char* description) {
  Model model;
  model.network = network_from_json(parse_json(description, "seed"));
  for (const TensorSpec& spec : required_tensors(model.network)) {
    TensorData& tensor = model.weights[spec.name];
    tensor.shape = spec.shape;
    std::size_t count = 1;
    for (const std::int64_t dimension : spec.shape) count *= static_cast<std::size_t>(dimension);
    for (std::size_t i = 0; i < count; ++i) tensor.values.push_back(static_cast<float>(i % 17) / 16 - 0.5f);
  }
  model.training = {{"iterations", 3}, {"data", {{"content", "photographs"}}}};
  model.validation = {{"Ls", 0.5}};
  return model;
}

void write_seeds(const std::string& folder) {
  write_model(folder + "/every-f32", model_of(kEveryOperation), DataType::kF32);
  write_model(folder + "/every-f16", model_of(kEveryOperation), DataType::kF16);
  write_model(folder + "/every-bf16", model_of(kEveryOperation), DataType::kBF16);
  write_model(folder + "/smallest", model_of(kSmallest), DataType::kF32);
  SafetensorsFile raw;
  raw.tensors["w"] = {{2, 2}, {1, 2, 3, 4}};
  raw.tensors["empty"] = {{0}, {}};
  write_file_atomically(folder + "/raw", serialize_safetensors(raw, DataType::kF16));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 2;
  }
  try {
    write_seeds(argv[1]);
    return 0;
  } catch (const Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
