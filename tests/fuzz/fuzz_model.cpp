// SPDX-License-Identifier: MIT
// libFuzzer target: any bytes are a model or a clean error, never anything else.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <vector>

#include "adainstyle/error.h"
#include "model_file.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t kLengthBytes = 8;

[[noreturn]] void report(const std::string& what) {
  std::cerr << "fuzz_model: " << what << std::endl;
  std::abort();
}

// What was accepted must be what the format can hold: written again, it reads as the same.
void check_accepted(const adainstyle::Model& model) {
  adainstyle::validate(model.network);
  const nlohmann::json description = adainstyle::network_to_json(model.network);
  if (adainstyle::network_to_json(adainstyle::network_from_json(description)) != description) report("description changes");
  if (adainstyle::tap_channels(model.network).size() > static_cast<std::size_t>(adainstyle::kMaxTaps)) report("too many taps");
  const int stride = adainstyle::overall_stride(model.network);
  if (stride < 1 || stride > adainstyle::kMaxStride) report("stride out of range");
  adainstyle::SafetensorsFile file;
  file.tensors = model.weights;
  const std::vector<std::uint8_t> bytes = adainstyle::serialize_safetensors(file, adainstyle::DataType::kF32);
  const adainstyle::SafetensorsFile again = adainstyle::parse_safetensors(bytes.data(), bytes.size(), "again");
  for (const auto& [name, tensor] : file.tensors) {
    if (again.tensors.at(name).shape != tensor.shape || again.tensors.at(name).values != tensor.values) report(name + " changes");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    check_accepted(adainstyle::parse_model(data, size, "input"));
  } catch (const adainstyle::Error& error) {
    if (error.code() != adainstyle::ErrorCode::kMalformedModel) report(std::string("wrong kind of error: ") + error.what());
    if (std::string(error.what()).rfind("input: ", 0) != 0) report(std::string("error without the file's name: ") + error.what());
  }
  return 0;
}

// Most mutations of the header would only make its length wrong. Half of the time the header alone is mutated and the length
// made to fit, so that the checks behind it are reached.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::uint64_t length = 0;
  if (size >= kLengthBytes) std::memcpy(&length, data, kLengthBytes);
  const bool has_header = size > kLengthBytes && length > 0 && length <= size - kLengthBytes;
  if (seed % 2 == 0 || !has_header) return LLVMFuzzerMutate(data, size, max_size);
  const std::vector<std::uint8_t> tensors(data + kLengthBytes + length, data + size);
  const std::size_t room = max_size - kLengthBytes - tensors.size();
  const std::size_t new_length = LLVMFuzzerMutate(data + kLengthBytes, static_cast<std::size_t>(length), room);
  const std::uint64_t stored = new_length;
  std::memcpy(data, &stored, kLengthBytes);
  std::copy(tensors.begin(), tensors.end(), data + kLengthBytes + new_length);
  return kLengthBytes + new_length + tensors.size();
}
