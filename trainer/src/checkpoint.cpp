// SPDX-License-Identifier: MIT
#include "checkpoint.h"

#include <algorithm>

#include <ATen/ops/from_blob.h>

#include "adainstyle/error.h"
#include "file_io.h"
#include "json_text.h"
#include "safetensors.h"

namespace adainstyle {
namespace {

constexpr char kFormat[] = "adainstyle.checkpoint";
constexpr char kFormatVersion[] = "1";

TensorData values_of(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().cpu().contiguous();
  const float* values = plain.data_ptr<float>();
  return {plain.sizes().vec(), std::vector<float>(values, values + plain.numel())};
}

void restore(const SafetensorsFile& file, const std::string& path, const char* name, at::Tensor& tensor) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.shape != tensor.sizes().vec()) {
    throw Error(ErrorCode::kMalformedModel, path + ": tensor \"" + name + "\" is not there or not of " +
                                                std::to_string(tensor.numel()) +
                                                " values; is it the checkpoint of another network?");
  }
  tensor.detach().copy_(at::from_blob(const_cast<float*>(found->second.values.data()), tensor.sizes(), at::kFloat));
}

nlohmann::json metadata_json(const SafetensorsFile& file, const std::string& path, const char* name) {
  const auto format = file.metadata.find(kFormat);
  const auto found = file.metadata.find(name);
  if (format == file.metadata.end() || format->second != kFormatVersion || found == file.metadata.end()) {
    throw Error(ErrorCode::kMalformedModel, path + " is not a training checkpoint that this program can read.");
  }
  return parse_json(found->second, std::string("\"") + name + "\" of " + path);
}

template <typename Value>
Value metadata_as(const SafetensorsFile& file, const std::string& path, const char* name) {
  try {
    return metadata_json(file, path, name).get<Value>();
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kMalformedModel, path + ": \"" + name + "\" is not what a checkpoint holds: " + error.what());
  }
}

}  // namespace

CheckpointHeader read_checkpoint_header(const std::string& path) {
  const SafetensorsFile file = read_safetensors(path);
  return {metadata_as<TrainOptions>(file, path, "options"), network_from_json(metadata_json(file, path, "network"))};
}

void save_checkpoint(const std::string& path, const TrainOptions& options, const Network& network, const TrainState& state,
                     const Parameters& parameters, Optimizer& optimizer) {
  SafetensorsFile file;
  file.metadata[kFormat] = kFormatVersion;
  file.metadata["options"] = nlohmann::json(options).dump();
  file.metadata["network"] = network_to_json(network).dump();
  file.metadata["state"] = nlohmann::json(state).dump();
  file.metadata["optimizer"] = nlohmann::json({{"steps", optimizer.steps()}, {"averaged", optimizer.averaged()}}).dump();
  file.tensors["weights"] = values_of(parameters.master());
  file.tensors["average"] = values_of(optimizer.average());
  file.tensors["adam.first"] = values_of(optimizer.first_moment());
  file.tensors["adam.second"] = values_of(optimizer.second_moment());
  write_file_atomically(path, serialize_safetensors(file, DataType::kF32));
}

TrainState load_checkpoint(const std::string& path, Parameters& parameters, Optimizer& optimizer) {
  const SafetensorsFile file = read_safetensors(path);
  const auto state = metadata_as<TrainState>(file, path, "state");
  const auto counters = metadata_as<std::map<std::string, std::uint64_t>>(file, path, "optimizer");
  restore(file, path, "weights", parameters.master());
  restore(file, path, "average", optimizer.average());
  restore(file, path, "adam.first", optimizer.first_moment());
  restore(file, path, "adam.second", optimizer.second_moment());
  optimizer.steps() = counters.at("steps");
  optimizer.averaged() = counters.at("averaged");
  return state;
}

}  // namespace adainstyle
