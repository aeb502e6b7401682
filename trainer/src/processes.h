// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <memory>
#include <string>

namespace adainstyle {

// Note [Several machines]
// Started by `torchrun --no-python`, which sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, every process computes the gradient of
// its own part of the batch, and all take the mean through c10d: gloo between CPUs, NCCL between GPUs. A step's gradient is one
// vector (1.4 MB for the small model), so it is one message, and every process ends with the same bits.
//
// LibTorch's package declares gloo's process group and holds its code, but not the headers of gloo that the declaration includes;
// those are Debian's (libgloo-dev). Only declarations are taken from them: the process group holds gloo's objects by pointers, so its
// layout does not depend on gloo's version, and no code of Debian's gloo is linked.

// The processes that train together; one alone where the variables are not set.
class Processes {
 public:
  // timeout: how long a process waits for the slowest other before it gives up; device: where the vectors lie that are exchanged.
  // GLOO_SOCKET_IFNAME names the network interface where the host's name does not lead to it.
  Processes(std::chrono::seconds timeout, at::Device device);
  ~Processes();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }

  // Replaces a float32 vector by its mean over all processes. Throws Error(kLibrary) where another process does not answer.
  void average(at::Tensor* vector);

  // Gives every process the first one's values.
  void broadcast(at::Tensor* vector);

 private:
  struct Group;

  int rank_ = 0;
  int size_ = 1;
  std::unique_ptr<Group> group_;
};

}  // namespace adainstyle
