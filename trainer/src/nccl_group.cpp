// SPDX-License-Identifier: MIT
#include "nccl_group.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

void adainstyle_make_nccl_group(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size, std::chrono::milliseconds timeout,
                                c10::intrusive_ptr<c10d::Backend>* group) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  *group = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}
