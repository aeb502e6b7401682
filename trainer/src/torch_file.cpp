// SPDX-License-Identifier: MIT
#include "torch_file.h"

#include <caffe2/serialize/inline_container.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <sstream>

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

TensorData read_tensor(const PickledTensor& tensor, const std::vector<std::uint8_t>& storage, const std::string& path) {
  const std::size_t width = element_bytes(tensor.storage_type);
  TensorData data;
  data.shape = tensor.shape;
  data.values.resize(checked_elements(tensor, path));
  std::vector<std::int64_t> index(tensor.shape.size(), 0);
  for (float& value : data.values) {
    std::uint64_t at = tensor.offset;
    for (std::size_t i = 0; i < index.size(); ++i) at += static_cast<std::uint64_t>(index[i] * tensor.strides[i]);
    value = element(storage.data() + at * width, tensor.storage_type);
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
  for (const PickledTensor& tensor : unpickle_state_dict(pickle.data(), pickle.size(), path)) {
    checked_elements(tensor, path);
    const std::size_t bytes = tensor.storage_size * element_bytes(tensor.storage_type);
    const std::vector<std::uint8_t> storage = record(reader, path, "data/" + tensor.storage, bytes);
    if (storage.size() != bytes) fail(path, "the storage of tensor " + tensor.name + " is smaller than the pickle says.");
    tensors[tensor.name] = read_tensor(tensor, storage, path);
  }
  return tensors;
}

}  // namespace

std::map<std::string, TensorData> read_torch_file(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, kMaxFileBytes);
  if (bytes.size() < 4 || std::memcmp(bytes.data(), "PK\x03\x04", 4) != 0) {
    fail(path, "not a zip archive as torch.save writes it since PyTorch 1.6; load and save it once more with a newer PyTorch.");
  }
  try {
    std::istringstream stream(std::string(bytes.begin(), bytes.end()));
    Reader reader(&stream);
    return read_archive(reader, path);
  } catch (const c10::Error& error) {
    fail(path, std::string("the archive cannot be read: ") + error.what_without_backtrace());
  }
}

}  // namespace adainstyle
