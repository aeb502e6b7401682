// SPDX-License-Identifier: MIT
#include "torch_file.h"

#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <sstream>
#include <string_view>

#include "adainstyle/error.h"
#include "file_io.h"
#include "half.h"
#include "unpickler.h"

namespace adainstyle {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 30;
constexpr std::size_t kMaxPickleBytes = std::size_t{16} << 20;
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 28;

using Reader = caffe2::serialize::PyTorchStreamReader;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kMalformedModel, path + ": " + what);
}

// Checked before a record is unpacked: a small archive may claim to hold a huge one.
std::vector<std::uint8_t> record(Reader& reader, const std::string& path, const std::string& name, std::size_t max_bytes) {
  if (!reader.hasRecord(name)) fail(path, "the archive has no record " + name + ".");
  const std::size_t size = reader.getRecordSize(name);
  if (size > max_bytes) fail(path, "the record " + name + " is larger than its use allows.");
  std::vector<std::uint8_t> bytes(size);
  if (reader.getRecord(name, bytes.data(), size) != size) fail(path, "the record " + name + " is not whole.");
  return bytes;
}

std::size_t element_bytes(const std::string& storage_type) {
  if (storage_type == "DoubleStorage") return 8;
  return storage_type == "FloatStorage" ? 4 : 2;
}

float element(const std::uint8_t* from, const std::string& storage_type) {
  if (storage_type == "FloatStorage") {
    float value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  if (storage_type == "DoubleStorage") {
    double value;
    std::memcpy(&value, from, sizeof value);
    return static_cast<float>(value);
  }
  std::uint16_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return storage_type == "HalfStorage" ? fp16_to_float(bits) : bf16_to_float(bits);
}

// How many elements the shape has; checks that every one lies in the storage.
std::uint64_t checked_elements(const PickledTensor& tensor, const std::string& path) {
  std::uint64_t count = 1, last = tensor.offset;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const auto extent = static_cast<std::uint64_t>(tensor.shape[i]), stride = static_cast<std::uint64_t>(tensor.strides[i]);
    if (extent > kMaxElements || stride > kMaxElements || count * extent > kMaxElements) {
      fail(path, "tensor " + tensor.name + " is too large.");
    }
    count *= extent;
    if (extent > 0) last += (extent - 1) * stride;
  }
  if (tensor.storage_size > kMaxElements || (count > 0 && last >= tensor.storage_size)) {
    fail(path, "tensor " + tensor.name + " reaches beyond its storage.");
  }
  return count;
}

// `storage` holds tensor.storage_size elements.
TensorData read_tensor(const PickledTensor& tensor, const std::uint8_t* storage, const std::string& path) {
  const std::size_t width = element_bytes(tensor.storage_type);
  TensorData data;
  data.shape = tensor.shape;
  data.values.resize(checked_elements(tensor, path));
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  for (float& value : data.values) {
    std::uint64_t at = tensor.offset;
    for (std::size_t i = 0; i < index.size(); ++i) at += static_cast<std::uint64_t>(index[i] * tensor.strides[i]);
    value = element(storage + at * width, tensor.storage_type);
    if (!std::isfinite(value)) fail(path, "tensor " + tensor.name + " holds a value that is not finite.");
    for (std::size_t i = index.size(); i-- > 0;) {
      if (++index[i] < tensor.shape[i]) break;
      index[i] = 0;
    }
  }
  return data;
}

std::map<std::string, TensorData> read_archive(Reader& reader, const std::string& path) {
  const std::vector<std::uint8_t> pickle = record(reader, path, "data.pkl", kMaxPickleBytes);
  std::map<std::string, TensorData> tensors;
  std::size_t end = 0;
  for (const PickledTensor& tensor : unpickle_state_dict(pickle.data(), pickle.size(), path, &end)) {
    checked_elements(tensor, path);
    const std::size_t bytes = tensor.storage_size * element_bytes(tensor.storage_type);
    const std::vector<std::uint8_t> storage = record(reader, path, "data/" + tensor.storage, bytes);
    if (storage.size() != bytes) fail(path, "the storage of tensor " + tensor.name + " is smaller than the pickle says.");
    tensors[tensor.name] = read_tensor(tensor, storage.data(), path);
  }
  return tensors;
}

// How torch.save began before PyTorch 1.6: the pickles of a magic number and of the protocol's version, 1001. There follow the
// pickles of a dictionary about the machine, of the state dict and of the list of its storages' keys, then each storage: the number
// of its elements in 8 bytes and the elements.
constexpr std::string_view kLegacyStart = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.";

struct Storage {
  const std::uint8_t* data;
  std::size_t bytes;
};

// Reads the storage at `*at` and moves behind it.
Storage legacy_storage(const std::vector<std::uint8_t>& bytes, std::size_t width, const std::string& path, std::size_t* at) {
  std::uint64_t elements = 0;
  if (bytes.size() - *at < sizeof elements) fail(path, "the file ends before its last storage.");
  std::memcpy(&elements, bytes.data() + *at, sizeof elements);
  *at += sizeof elements;
  if (elements > (bytes.size() - *at) / width) fail(path, "the file ends within a storage.");
  const Storage storage = {bytes.data() + *at, elements * width};
  *at += storage.bytes;
  return storage;
}

std::map<std::string, TensorData> read_legacy(const std::vector<std::uint8_t>& bytes, const std::string& path) {
  std::size_t at = kLegacyStart.size();
  const auto next = [&](const auto& unpickle) {
    std::size_t length = 0;
    auto result = unpickle(bytes.data() + at, std::min(bytes.size() - at, kMaxPickleBytes), path, &length);
    at += length;
    return result;
  };
  next(unpickle_state_dict);  // about the machine
  const std::vector<PickledTensor> pickled = next(unpickle_state_dict);
  std::map<std::string, std::size_t> widths;
  for (const PickledTensor& tensor : pickled) widths[tensor.storage] = element_bytes(tensor.storage_type);
  std::map<std::string, Storage> storages;
  for (const std::string& key : next(unpickle_strings)) {
    if (widths.count(key) == 0) fail(path, "no tensor of the state dict uses storage " + key + ", so its type is not known.");
    storages[key] = legacy_storage(bytes, widths[key], path, &at);
  }
  std::map<std::string, TensorData> tensors;
  for (const PickledTensor& tensor : pickled) {
    checked_elements(tensor, path);
    const auto storage = storages.find(tensor.storage);
    if (storage == storages.end()) fail(path, "there is no storage " + tensor.storage + " for tensor " + tensor.name + ".");
    if (storage->second.bytes < tensor.storage_size * element_bytes(tensor.storage_type)) {
      fail(path, "the storage of tensor " + tensor.name + " is smaller than the pickle says.");
    }
    tensors[tensor.name] = read_tensor(tensor, storage->second.data, path);
  }
  return tensors;
}

}  // namespace

std::map<std::string, TensorData> read_torch_file(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxFileBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto begins_with = [&](std::string_view start) { return text.substr(0, start.size()) == start; };
  if (begins_with(kLegacyStart)) return read_legacy(bytes, path);
  if (!begins_with("PK\x03\x04")) fail(path, "not a file that torch.save has written (PyTorch 0.1.10 or newer).");
  try {
    std::istringstream stream{std::string(text)};
    Reader reader(&stream);
    return read_archive(reader, path);
  } catch (const c10::Error& error) {
    fail(path, std::string("the archive cannot be read: ") + error.what_without_backtrace());
  }
}

}  // namespace adainstyle
