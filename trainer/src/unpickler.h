// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace adainstyle {

// Note [The restricted unpickler]
// A pickle is a program for a stack machine that may call any Python function. This reader knows the dictionaries, lists, tuples,
// strings and numbers of a state dict and the one call that torch.save writes for a tensor; any other name, call or opcode is an
// error. Values lie in one table and refer to each other by index: nothing is copied, nothing recurses and nothing is executed,
// so neither a value that holds itself nor one that doubles at every step costs more than the bytes that describe it.

// A tensor as its pickle describes it, before its storage has been looked at.
struct PickledTensor {
  std::string name;                // key in the state dict
  std::string storage;             // key of the storage's record
  std::string storage_type;        // "FloatStorage", "HalfStorage", "BFloat16Storage" or "DoubleStorage"
  std::uint64_t storage_size = 0;  // elements
  std::uint64_t offset = 0;        // elements
  std::vector<std::int64_t> shape, strides;
};

// The tensors of a pickled state dict (or of the one under "state_dict" of a dictionary). `source` names it in errors; `end` is set
// to the length of the pickle, which more bytes may follow. Throws Error(kMalformedModel).
std::vector<PickledTensor> unpickle_state_dict(const std::uint8_t* bytes, std::size_t size, const std::string& source,
                                               std::size_t* end);

// The same for a pickled list of strings.
std::vector<std::string> unpickle_strings(const std::uint8_t* bytes, std::size_t size, const std::string& source, std::size_t* end);

}  // namespace adainstyle
