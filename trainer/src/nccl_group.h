// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

// The one function of libadainstyle-trainer-nccl.so, which alone links LibTorch's CUDA half and is opened when processes train on GPUs.
// Throws what c10d throws.
extern "C" void adainstyle_make_nccl_group(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                           std::chrono::milliseconds timeout, c10::intrusive_ptr<c10d::Backend>* group);

namespace adainstyle {

inline constexpr char kNcclLibrary[] = "libadainstyle-trainer-nccl.so";
inline constexpr char kNcclSymbol[] = "adainstyle_make_nccl_group";

}  // namespace adainstyle
