// SPDX-License-Identifier: MIT
#include "model_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "adainstyle/error.h"
#include "json_text.h"

namespace adainstyle {
namespace {

using Json = nlohmann::json;

constexpr char kFormatKey[] = "adainstyle.format";
constexpr char kFormatVersion[] = "1";

// Metadata that has one value in this version of the format.
struct FixedEntry {
  const char* key;
  const char* value;
};

constexpr FixedEntry kFixedEntries[] = {{"input", "RGB 0..1"}, {"padding", "reflection"}, {"variance", "biased"}};

[[noreturn]] void malformed(const std::string& source, const std::string& expectation) {
  throw Error(ErrorCode::kMalformedModel, source + ": " + expectation + ".");
}

const std::string& entry(const SafetensorsFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) malformed(source, "expected metadata \"" + key + "\", found none");
  return found->second;
}

void check_version(const SafetensorsFile& file, const std::string& source) {
  const auto found = file.metadata.find(kFormatKey);
  if (found == file.metadata.end()) {
    malformed(source, std::string("expected a model of this project, found a safetensors file without metadata \"") + kFormatKey +
                          "\"; convert it with adainstyle-trainer import");
  }
  if (found->second != kFormatVersion) {
    malformed(source, std::string("expected format version ") + kFormatVersion + ", found " + in_quotes(found->second) +
                          "; use a newer release of this software or make the model again");
  }
}

float read_eps(const std::string& text, const std::string& source) {
  float eps = 0;
  const char* end = text.data() + text.size();
  // Unlike strtof, from_chars does not follow the locale of the program it runs in.
  const std::from_chars_result result = std::from_chars(text.data(), end, eps);
  if (result.ec != std::errc() || result.ptr != end) {
    malformed(source, "expected metadata \"eps\" to be a number, found " + in_quotes(text));
  }
  return eps;
}

std::string write_eps(float eps) {
  char text[32];
  const std::to_chars_result result = std::to_chars(text, text + sizeof text, eps);
  return std::string(text, result.ptr);
}

Network read_network(const SafetensorsFile& file, const std::string& source) {
  const Json description = parse_json(entry(file, "network", source), source + ": metadata \"network\"");
  const float eps = read_eps(entry(file, "eps", source), source);
  try {
    Network network = network_from_json(description);
    network.eps = eps;
    validate(network);
    return network;
  } catch (const Error& error) {
    throw Error(error.code(), source + ": " + error.what());
  }
}

Json read_record(const SafetensorsFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) return Json::object();
  Json record = parse_json(found->second, source + ": metadata \"" + key + "\"");
  if (!record.is_object()) malformed(source, "expected metadata \"" + key + "\" to be a JSON object");
  return record;
}

std::string shape_text(const std::vector<std::int64_t>& shape) { return Json(shape).dump(); }

void check_weights(const Model& model, const std::string& source) {
  std::set<std::string> expected;
  for (const TensorSpec& spec : required_tensors(model.network)) {
    const auto found = model.weights.find(spec.name);
    if (found == model.weights.end()) {
      malformed(source, "expected tensor " + in_quotes(spec.name) + " of shape " + shape_text(spec.shape) + ", found none");
    }
    if (found->second.shape != spec.shape) {
      malformed(source, "tensor " + in_quotes(spec.name) + ": expected shape " + shape_text(spec.shape) + ", found " +
                            shape_text(found->second.shape));
    }
    expected.insert(spec.name);
  }
  for (const auto& [name, tensor] : model.weights) {
    if (expected.count(name) == 0) malformed(source, "tensor " + in_quotes(name) + " belongs to no operation of the network");
  }
}

}  // namespace

Model parse_model(const std::uint8_t* bytes, std::size_t size, const std::string& source) {
  SafetensorsFile file = parse_safetensors(bytes, size, source);
  check_version(file, source);
  for (const FixedEntry& fixed : kFixedEntries) {
    const std::string& value = entry(file, fixed.key, source);
    if (value != fixed.value) {
      malformed(source,
                std::string("expected metadata \"") + fixed.key + "\" to be \"" + fixed.value + "\", found " + in_quotes(value));
    }
  }
  Model model;
  model.network = read_network(file, source);
  model.weights = std::move(file.tensors);
  check_weights(model, source);
  model.training = read_record(file, "training", source);
  model.validation = read_record(file, "validation", source);
  return model;
}

Model read_model(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxSafetensorsBytes);
  return parse_model(bytes.data(), bytes.size(), path);
}

void write_model(const std::string& path, const Model& model, DataType type) {
  validate(model.network);
  SafetensorsFile file;
  file.metadata[kFormatKey] = kFormatVersion;
  for (const FixedEntry& fixed : kFixedEntries) file.metadata[fixed.key] = fixed.value;
  file.metadata["eps"] = write_eps(model.network.eps);
  file.metadata["network"] = network_to_json(model.network).dump();
  try {
    if (!model.training.empty()) file.metadata["training"] = model.training.dump();
    if (!model.validation.empty()) file.metadata["validation"] = model.validation.dump();
  } catch (const Json::exception&) {
    malformed(path, "expected training and validation to be UTF-8");
  }
  file.tensors = model.weights;
  const std::vector<std::uint8_t> bytes = serialize_safetensors(file, type);
  // Whatever is wrong with the model shows when it is read: nothing is written that read_model would refuse.
  parse_model(bytes.data(), bytes.size(), path);
  write_file_atomically(path, bytes);
}

}  // namespace adainstyle
