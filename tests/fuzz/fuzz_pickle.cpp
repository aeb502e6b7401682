// SPDX-License-Identifier: MIT
// libFuzzer target: any bytes are a pickled state dict or a clean error, never anything else.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "adainstyle/error.h"
#include "unpickler.h"

namespace {

[[noreturn]] void report(const std::string& what) {
  std::cerr << "fuzz_pickle: " << what << std::endl;
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    std::size_t end = 0;
    const std::vector<adainstyle::PickledTensor> tensors = adainstyle::unpickle_state_dict(data, size, "input", &end);
    if (end > size) report("read beyond the end");
    for (const adainstyle::PickledTensor& tensor : tensors) {
      if (tensor.shape.size() != tensor.strides.size()) report("shape and strides differ in length");
      if (tensor.storage_type.find("Storage") == std::string::npos) report("unknown storage type " + tensor.storage_type);
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        if (tensor.shape[i] < 0 || tensor.strides[i] < 0) report("negative size");
      }
    }
  } catch (const adainstyle::Error& error) {
    if (error.code() != adainstyle::ErrorCode::kMalformedModel) report(std::string("wrong kind of error: ") + error.what());
    if (std::string(error.what()).rfind("input: ", 0) != 0) report(std::string("error without the file's name: ") + error.what());
  }
  return 0;
}
