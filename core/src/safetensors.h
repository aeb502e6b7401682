// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "file_io.h"

namespace adainstyle {

// The safetensors container: 8-byte little-endian header length, JSON header, raw little-endian tensors.
// https://github.com/huggingface/safetensors

// Larger files are refused before they are read; VGG-19 with its mirror is 28 MB in float32.
constexpr std::size_t kMaxSafetensorsBytes = std::size_t{1} << 30;

enum class DataType { kF32, kF16, kBF16 };

// A tensor's values as float32, whatever the file stores.
struct TensorData {
  std::vector<std::int64_t> shape;
  std::vector<float> values;  // row-major
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorData> tensors;
};

// Reads a container from memory. `source` names it in errors. Checks header length against size, JSON, dtype, shape against
// byte range, ranges against the file (no overlap, no gap, none outside), duplicate names and finite values.
// Throws Error(kMalformedModel) that names source, tensor and what was expected.
SafetensorsFile parse_safetensors(const std::uint8_t* bytes, std::size_t size, const std::string& source);

// The same for a file; throws Error(kNotFound) or Error(kUnreadable) where it cannot be read.
SafetensorsFile read_safetensors(const std::string& path);

// Serialises with every tensor stored as `type`. Same input, same bytes. Throws Error(kMalformedModel) where a value is not finite
// in that type, the values do not fill the shape or a text is not UTF-8.
std::vector<std::uint8_t> serialize_safetensors(const SafetensorsFile& content, DataType type);

}  // namespace adainstyle
