// SPDX-License-Identifier: MIT
#include "safetensors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "adainstyle/error.h"
#include "half.h"
#include "json_text.h"

namespace adainstyle {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLengthBytes = 8;            // of the header's length at the start
constexpr std::size_t kMaxHeaderBytes = 4u << 20;  // thousands of tensors need less
constexpr std::size_t kMaxDimensions = 8;
constexpr char kMetadataKey[] = "__metadata__";

// Where the header says a tensor lies.
struct Entry {
  std::string name;
  DataType type = DataType::kF32;
  std::vector<std::int64_t> shape;
  std::size_t begin = 0;  // bytes from the end of the header
  std::size_t end = 0;
};

[[noreturn]] void malformed(const std::string& where, const std::string& expectation) {
  throw Error(ErrorCode::kMalformedModel, where + ": " + expectation + ".");
}

std::string tensor_in(const std::string& source, const std::string& name) { return source + ": tensor " + in_quotes(name); }

std::size_t element_bytes(DataType type) { return type == DataType::kF32 ? 4 : 2; }

const char* type_name(DataType type) {
  switch (type) {
    case DataType::kF32: return "F32";
    case DataType::kF16: return "F16";
    case DataType::kBF16: return "BF16";
  }
  return "";
}

std::uint32_t load_little_endian(const std::uint8_t* bytes, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= static_cast<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

void append_little_endian(std::vector<std::uint8_t>* bytes, std::uint64_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes->push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// The JSON text between the length and the tensors.
std::string_view header_text(const std::uint8_t* bytes, std::size_t size, const std::string& source) {
  if (size < kLengthBytes) {
    malformed(source, "expected a safetensors file, which begins with 8 bytes of length, found " + std::to_string(size) + " bytes");
  }
  const std::uint64_t length = load_little_endian(bytes, 4) | static_cast<std::uint64_t>(load_little_endian(bytes + 4, 4)) << 32;
  if (length > kMaxHeaderBytes) {
    malformed(source, "expected a header of at most " + std::to_string(kMaxHeaderBytes) + " bytes, found a length of " +
                          std::to_string(length) + "; this is no safetensors file");
  }
  if (length > size - kLengthBytes) {
    malformed(source, "expected a header of " + std::to_string(length) + " bytes, found " + std::to_string(size - kLengthBytes) +
                          "; the file is cut off");
  }
  return {reinterpret_cast<const char*>(bytes) + kLengthBytes, static_cast<std::size_t>(length)};
}

std::map<std::string, std::string> read_metadata(const Json& metadata, const std::string& source) {
  std::map<std::string, std::string> result;
  if (!metadata.is_object()) malformed(source, "expected __metadata__ to be an object of strings");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) malformed(source, "expected metadata " + in_quotes(key) + " to be a string");
    result[key] = value.get<std::string>();
  }
  return result;
}

DataType read_type(const Json& value, const std::string& where) {
  if (value.is_string()) {
    for (const DataType type : {DataType::kF32, DataType::kF16, DataType::kBF16}) {
      if (value.get_ref<const std::string&>() == type_name(type)) return type;
    }
  }
  malformed(where, "expected dtype F32, F16 or BF16, found " +
                       (value.is_string() ? in_quotes(value.get_ref<const std::string&>()) : std::string(value.type_name())));
}

std::uint64_t read_whole_number(const Json& value, const std::string& where, const char* field) {
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kLargest) {
    malformed(where, std::string("expected ") + field + " to hold whole numbers from 0 to 2^63-1");
  }
  return value.get<std::uint64_t>();
}

Entry read_entry(const std::string& name, const Json& description, std::size_t data_bytes, const std::string& source) {
  const std::string where = tensor_in(source, name);
  if (!description.is_object() || description.size() != 3 || !description.contains("dtype") || !description.contains("shape") ||
      !description.contains("data_offsets")) {
    malformed(where, "expected an object of dtype, shape and data_offsets");
  }
  Entry entry;
  entry.name = name;
  entry.type = read_type(description["dtype"], where);
  const Json& shape = description["shape"];
  if (!shape.is_array() || shape.size() > kMaxDimensions) {
    malformed(where, "expected shape to be an array of at most " + std::to_string(kMaxDimensions) + " numbers");
  }
  for (const Json& dimension : shape) {
    entry.shape.push_back(static_cast<std::int64_t>(read_whole_number(dimension, where, "shape")));
  }
  const Json& offsets = description["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) malformed(where, "expected data_offsets to be an array of 2 numbers");
  const std::uint64_t begin = read_whole_number(offsets[0], where, "data_offsets");
  const std::uint64_t end = read_whole_number(offsets[1], where, "data_offsets");
  if (begin > end || end > data_bytes) {
    malformed(where, "expected data_offsets inside the file's " + std::to_string(data_bytes) + " bytes of tensors, found " +
                         std::to_string(begin) + " to " + std::to_string(end));
  }
  entry.begin = static_cast<std::size_t>(begin);
  entry.end = static_cast<std::size_t>(end);
  return entry;
}

// The number of elements a shape describes, or `limit` + 1 where it is more than `limit`.
std::uint64_t count_elements(const std::vector<std::int64_t>& shape, std::uint64_t limit) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  std::uint64_t count = 1;
  for (const std::int64_t dimension : shape) {
    if (static_cast<std::uint64_t>(dimension) > limit / count) return limit + 1;
    count *= static_cast<std::uint64_t>(dimension);
  }
  return count;
}

void check_shape_fills_range(const Entry& entry, const std::string& source) {
  const std::size_t bytes = entry.end - entry.begin;
  const std::size_t element = element_bytes(entry.type);
  if (bytes % element != 0 || count_elements(entry.shape, bytes / element) != bytes / element) {
    malformed(tensor_in(source, entry.name),
              "expected shape and dtype to fill its " + std::to_string(bytes) + " bytes, found a shape of another size");
  }
}

// The tensors must lie one after the other from the header's end to the file's.
void check_layout(std::vector<Entry> entries, std::size_t data_bytes, const std::string& source) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  std::size_t expected = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != expected) {
      malformed(tensor_in(source, entry.name), "expected it to begin at byte " + std::to_string(expected) +
                                                   " where the one before it ends, found " + std::to_string(entry.begin) +
                                                   (entry.begin < expected ? " (they overlap)" : " (there is a gap)"));
    }
    expected = entry.end;
  }
  if (expected != data_bytes) {
    malformed(source,
              "expected " + std::to_string(expected) + " bytes of tensors as the header says, found " + std::to_string(data_bytes));
  }
}

TensorData read_tensor(const Entry& entry, const std::uint8_t* data, const std::string& source) {
  const std::size_t element = element_bytes(entry.type);
  const std::size_t count = (entry.end - entry.begin) / element;
  TensorData tensor;
  tensor.shape = entry.shape;
  tensor.values.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t bits = load_little_endian(data + entry.begin + i * element, element);
    float value = 0;
    switch (entry.type) {
      case DataType::kF32: value = float_from_bits(bits); break;
      case DataType::kF16: value = fp16_to_float(static_cast<std::uint16_t>(bits)); break;
      case DataType::kBF16: value = bf16_to_float(static_cast<std::uint16_t>(bits)); break;
    }
    if (!std::isfinite(value)) {
      malformed(tensor_in(source, entry.name), "expected finite values, found NaN or infinity at element " + std::to_string(i));
    }
    tensor.values[i] = value;
  }
  return tensor;
}

void append_values(std::vector<std::uint8_t>* bytes, const std::string& name, const std::vector<float>& values, DataType type) {
  for (const float value : values) {
    std::uint32_t bits = float_bits(value);
    float stored = value;
    if (std::isfinite(value) && type == DataType::kF16) {
      bits = float_to_fp16(value);
      stored = fp16_to_float(static_cast<std::uint16_t>(bits));
    } else if (std::isfinite(value) && type == DataType::kBF16) {
      bits = float_to_bf16(value);
      stored = bf16_to_float(static_cast<std::uint16_t>(bits));
    }
    if (!std::isfinite(stored)) {
      malformed("Tensor " + in_quotes(name),
                std::string("expected values that ") + type_name(type) + " can hold, found " + std::to_string(value));
    }
    append_little_endian(bytes, bits, element_bytes(type));
  }
}

}  // namespace

SafetensorsFile parse_safetensors(const std::uint8_t* bytes, std::size_t size, const std::string& source) {
  const std::string_view text = header_text(bytes, size, source);
  const Json header = parse_json(text, source + ": header");
  if (!header.is_object()) malformed(source, "expected the header to be a JSON object");
  const std::size_t data_bytes = size - kLengthBytes - text.size();
  SafetensorsFile content;
  std::vector<Entry> entries;
  for (const auto& [name, description] : header.items()) {
    if (name == kMetadataKey) {
      content.metadata = read_metadata(description, source);
    } else {
      entries.push_back(read_entry(name, description, data_bytes, source));
      check_shape_fills_range(entries.back(), source);
    }
  }
  check_layout(entries, data_bytes, source);
  for (const Entry& entry : entries) {
    content.tensors[entry.name] = read_tensor(entry, bytes + kLengthBytes + text.size(), source);
  }
  return content;
}

SafetensorsFile read_safetensors(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxSafetensorsBytes);
  return parse_safetensors(bytes.data(), bytes.size(), path);
}

std::vector<std::uint8_t> serialize_safetensors(const SafetensorsFile& content, DataType type) {
  Json header = Json::object();
  if (!content.metadata.empty()) header[kMetadataKey] = content.metadata;
  std::size_t end = 0;
  for (const auto& [name, tensor] : content.tensors) {
    if (name == kMetadataKey) malformed("Tensor " + in_quotes(name), "expected another name, this one is the format's own");
    if (count_elements(tensor.shape, tensor.values.size()) != tensor.values.size()) {
      malformed("Tensor " + in_quotes(name), "expected a shape of " + std::to_string(tensor.values.size()) + " elements");
    }
    const std::size_t begin = end;
    end += tensor.values.size() * element_bytes(type);
    header[name] = {{"dtype", type_name(type)}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    malformed("Header", "expected names and metadata to be UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the tensors are aligned in memory
  if (text.size() > kMaxHeaderBytes) {
    malformed("Header", "expected names and metadata of at most " + std::to_string(kMaxHeaderBytes) + " bytes, found " +
                            std::to_string(text.size()));
  }
  std::vector<std::uint8_t> bytes;
  bytes.reserve(kLengthBytes + text.size() + end);
  append_little_endian(&bytes, text.size(), kLengthBytes);
  bytes.insert(bytes.end(), text.begin(), text.end());
  for (const auto& [name, tensor] : content.tensors) append_values(&bytes, name, tensor.values, type);
  return bytes;
}

}  // namespace adainstyle
