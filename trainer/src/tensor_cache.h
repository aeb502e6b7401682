// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

namespace adainstyle {

// Keeps the most recently used tensors within a limit of memory. Used from several threads at once.
class TensorCache {
 public:
  using Value = std::vector<at::Tensor>;

  explicit TensorCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Empty where the key is not (or no longer) kept.
  Value find(std::uint64_t key);

  // Keeps `value` unless it alone is larger than the limit; drops what was not used for longest.
  void insert(std::uint64_t key, const Value& value);

  std::size_t bytes() const;

 private:
  struct Entry {
    std::uint64_t key;
    Value value;
    std::size_t bytes;
  };

  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::uint64_t, std::list<Entry>::iterator> index_;
  std::size_t bytes_ = 0;
  const std::size_t max_bytes_;
};

}  // namespace adainstyle
