// SPDX-License-Identifier: MIT
#include "processes.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include <ATen/TensorOperators.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "adainstyle/error.h"
#include "nccl_group.h"

namespace adainstyle {
namespace {

using GroupPointer = c10::intrusive_ptr<c10d::Backend>;
using StorePointer = c10::intrusive_ptr<c10d::Store>;

constexpr std::size_t kReasonLength = 300;  // of c10d's messages, which go on with a stack trace

std::string environment(const char* name, const char* otherwise = "") {
  const char* text = std::getenv(name);
  return text != nullptr ? text : otherwise;
}

int integer_variable(const char* name, int smallest, int largest) {
  const char* text = std::getenv(name);
  char* end = nullptr;
  const long value = text != nullptr ? std::strtol(text, &end, 10) : -1;
  if (text == nullptr || end == text || *end != '\0' || value < smallest || value > largest) {
    throw Error(ErrorCode::kSettings, std::string("The variable ") + name +
                                          " of a training on several processes must be a number " + std::to_string(smallest) +
                                          " to " + std::to_string(largest) + "; torchrun sets it.");
  }
  return static_cast<int>(value);
}

StorePointer connect_store(const std::string& address, int rank, int size, std::chrono::seconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(integer_variable("MASTER_PORT", 1, 65535));
  // torchrun has a store of its own at that port, which the processes are meant to share; it outlives a restart of all processes.
  options.isServer = rank == 0 && environment("TORCHELASTIC_USE_AGENT_STORE") != "True";
  options.numWorkers = static_cast<std::size_t>(size);
  options.waitWorkers = false;
  options.timeout = timeout;
  return c10::make_intrusive<c10d::PrefixStore>("adainstyle/" + environment("TORCHELASTIC_RESTART_COUNT", "0"),
                                                c10::make_intrusive<c10d::TCPStore>(address, options));
}

GroupPointer gloo_group(const StorePointer& store, int rank, int size, std::chrono::milliseconds timeout) {
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const std::string interface = environment("GLOO_SOCKET_IFNAME");
  options->devices.push_back(interface.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                                               : c10d::ProcessGroupGloo::createDeviceForInterface(interface));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
}

GroupPointer nccl_group(const StorePointer& store, int rank, int size, std::chrono::milliseconds timeout) {
  void* library = dlopen(kNcclLibrary, RTLD_NOW | RTLD_LOCAL);
  const auto make =
      library != nullptr ? reinterpret_cast<decltype(&adainstyle_make_nccl_group)>(dlsym(library, kNcclSymbol)) : nullptr;
  if (make == nullptr) {
    throw Error(ErrorCode::kLibrary, std::string("Processes on GPUs need NCCL, but ") + dlerror() +
                                         "; build the trainer where the CUDA toolkit and the nvidia-nccl wheel are, or choose "
                                         "--device cpu.");
  }
  GroupPointer group;
  make(store, rank, size, timeout, &group);
  return group;
}

}  // namespace

struct Processes::Group {
  GroupPointer backend;

  // Runs one exchange of all processes to its end.
  template <typename Exchange>
  void run(const Exchange& exchange) const {
    try {
      exchange(*backend)->wait();
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kLibrary,
                  "Another process of the training does not answer; it has stopped or is cut off. Start all processes again with "
                  "--resume. (" +
                      std::string(error.what()).substr(0, kReasonLength) + ")");
    }
  }
};

Processes::Processes(std::chrono::seconds timeout, at::Device device) {
  if (std::getenv("WORLD_SIZE") == nullptr) return;
  constexpr int kMaxProcesses = 4096;
  size_ = integer_variable("WORLD_SIZE", 1, kMaxProcesses);
  rank_ = integer_variable("RANK", 0, size_ - 1);
  if (size_ == 1) return;
  const std::string address = environment("MASTER_ADDR");
  if (address.empty()) throw Error(ErrorCode::kSettings, "MASTER_ADDR is not set; start the processes with torchrun.");
  try {
    const StorePointer store = connect_store(address, rank_, size_, timeout);
    group_ = std::make_unique<Group>();
    group_->backend = device.is_cuda() ? nccl_group(store, rank_, size_, timeout) : gloo_group(store, rank_, size_, timeout);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kLibrary, "Process " + std::to_string(rank_) + " cannot join the others through " + address + ": " +
                                         std::string(error.what()).substr(0, kReasonLength));
  }
}

Processes::~Processes() = default;

void Processes::average(at::Tensor* vector) {
  if (size_ == 1) return;
  std::vector<at::Tensor> vectors = {*vector};
  group_->run([&](c10d::Backend& backend) { return backend.allreduce(vectors); });
  vector->div_(size_);
}

void Processes::broadcast(at::Tensor* vector) {
  if (size_ == 1) return;
  std::vector<at::Tensor> vectors = {*vector};
  group_->run([&](c10d::Backend& backend) { return backend.broadcast(vectors); });
}

}  // namespace adainstyle
