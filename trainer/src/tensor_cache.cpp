// SPDX-License-Identifier: MIT
#include "tensor_cache.h"

namespace adainstyle {

TensorCache::Value TensorCache::find(std::uint64_t key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = index_.find(key);
  if (found == index_.end()) return {};
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->value;
}

void TensorCache::insert(std::uint64_t key, const Value& value) {
  std::size_t bytes = 0;
  for (const at::Tensor& tensor : value) bytes += tensor.nbytes();
  const std::lock_guard<std::mutex> lock(mutex_);
  if (bytes > max_bytes_ || index_.count(key) != 0) return;
  entries_.push_front({key, value, bytes});
  index_[key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    index_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::size_t TensorCache::bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace adainstyle
