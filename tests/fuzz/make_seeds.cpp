// SPDX-License-Identifier: MIT
// Writes small models, valid and nearly valid, and a pickle into the folders model/ and pickle/ below a folder: what the fuzz
// targets start from.
#include <filesystem>
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

// What torch.save makes of {"w": torch.zeros(2, 3)}.
std::vector<std::uint8_t> pickle() {
  using std::string_literals::operator""s;
  const std::string bytes =
      "\x80\x02}q\x00X\x01\x00\x00\x00wq\x01"
      "ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
      "ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x00\x30q\x05X\x03\x00\x00\x00\x63puq\x06K\x06tq\x07QK\x00K\x02K\x03\x86q\x08"
      "K\x03K\x01\x86q\x09\x89"
      "ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."s;
  return {bytes.begin(), bytes.end()};
}

void write_seeds(const std::string& folder) {
  const std::string models = folder + "/model", pickles = folder + "/pickle";
  std::filesystem::create_directories(models);
  std::filesystem::create_directories(pickles);
  write_file_atomically(pickles + "/state-dict", pickle());
  write_model(models + "/every-f32", model_of(kEveryOperation), DataType::kF32);
  write_model(models + "/every-f16", model_of(kEveryOperation), DataType::kF16);
  write_model(models + "/every-bf16", model_of(kEveryOperation), DataType::kBF16);
  write_model(models + "/smallest", model_of(kSmallest), DataType::kF32);
  SafetensorsFile raw;
  raw.tensors["w"] = {{2, 2}, {1, 2, 3, 4}};
  raw.tensors["empty"] = {{0}, {}};
  write_file_atomically(models + "/raw", serialize_safetensors(raw, DataType::kF16));
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
