// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace adainstyle {

// Note [Several machines]
// Started by `torchrun --no-python`, which sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, every process computes the gradient of
// its own part of the batch, and all take the mean. A step's gradient is one vector (1.4 MB for the small model), so it goes
// through c10d's TCPStore: each process puts its own there and adds up all of them in the order of their ranks. So every process
// has the same bits, and needs no more of LibTorch than its C++ package has (the headers of gloo and NCCL are not part of it).

// The processes that train together; one alone where the variables are not set.
class Processes {
 public:
  // How long a process waits for the slowest other before it gives up.
  explicit Processes(std::chrono::seconds timeout);
  ~Processes();

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }

  // Replaces a float32 vector by its mean over all processes. Throws Error(kLibrary) where another process does not answer.
  void average(at::Tensor* vector);

  // Gives every process the first one's values.
  void broadcast(at::Tensor* vector);

 private:
  struct Store;

  void add_up(at::Tensor* vector);
  void put(const std::string& key, const at::Tensor& vector);
  void fetch(const std::string& key, int owner, at::Tensor* vector);

  int rank_ = 0;
  int size_ = 1;
  std::uint64_t exchanges_ = 0;
  std::unique_ptr<Store> store_;
};

}  // namespace adainstyle
