// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "number_bits.h"

// What the hand-written passes share (Note [Hand-written passes of the loss network] in feature_kernels.h).

// The loops are compiled for several instruction sets and the best is chosen when the program starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ADAINSTYLE_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ADAINSTYLE_MULTIVERSION
#endif

namespace adainstyle {

struct Extent {
  std::int64_t n, c, h, w;
  explicit Extent(const at::Tensor& t) : n(t.size(0)), c(t.size(1)), h(t.size(2)), w(t.size(3)) {}
};

inline at::Tensor empty_channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w, const at::Tensor& like) {
  return at::empty({n, c, h, w}, like.options(), at::MemoryFormat::ChannelsLast);
}

template <typename T>
T* data_of(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.data_ptr());
}

// Calls body with a null pointer of the element type in memory.
template <typename Body>
void for_type(const at::Tensor& tensor, const Body& body) {
  TORCH_CHECK(tensor.is_contiguous(at::MemoryFormat::ChannelsLast), "features must lie channels-last");
  if (tensor.scalar_type() == at::kBFloat16) {
    body(static_cast<Half*>(nullptr));
  } else {
    TORCH_CHECK(tensor.scalar_type() == at::kFloat, "features must be float32 or bfloat16");
    body(static_cast<float*>(nullptr));
  }
}

}  // namespace adainstyle
