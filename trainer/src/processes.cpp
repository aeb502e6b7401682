// SPDX-License-Identifier: MIT
#include "processes.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

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

}  // namespace

struct Processes::Store {
  c10::intrusive_ptr<c10d::TCPStore> tcp;
};

Processes::Processes(std::chrono::seconds timeout) {
  if (std::getenv("WORLD_SIZE") == nullptr) return;
  constexpr int kMaxProcesses = 4096;
  size_ = integer_variable("WORLD_SIZE", 1, kMaxProcesses);
  rank_ = integer_variable("RANK", 0, size_ - 1);
  if (size_ == 1) return;
  const char* address = std::getenv("MASTER_ADDR");
  if (address == nullptr) throw Error(ErrorCode::kSettings, "MASTER_ADDR is not set; start the processes with torchrun.");
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(integer_variable("MASTER_PORT", 1, 65535));
  // torchrun has a store of its own at that port, which the processes are meant to share.
  const char* shared = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  options.isServer = rank_ == 0 && (shared == nullptr || std::string(shared) != "True");
  options.numWorkers = static_cast<std::size_t>(size_);
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    store_ = std::make_unique<Store>();
    store_->tcp = c10::make_intrusive<c10d::TCPStore>(address, options);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kLibrary, std::string("Process ") + std::to_string(rank_) + " cannot reach the first process at " +
                                         address + ": " + error.what());
  }
}

Processes::~Processes() = default;

void Processes::put(const std::string& key, const at::Tensor& vector) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(vector.data_ptr<float>());
  store_->tcp->set(key, std::vector<std::uint8_t>(bytes, bytes + vector.nbytes()));
}

void Processes::fetch(const std::string& key, int owner, at::Tensor* vector) {
  std::vector<std::uint8_t> bytes;
  try {
    bytes = store_->tcp->get(key);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kLibrary, "Process " + std::to_string(owner) +
                                         " of the training does not answer; it has stopped or is cut off. "
                                         "Start all processes again with --resume. (" +
                                         std::string(error.what()).substr(0, 200) + ")");
  }
  if (bytes.size() != vector->nbytes()) {
    throw Error(ErrorCode::kLibrary, "Process " + std::to_string(owner) + " trains another network than this one.");
  }
  std::memcpy(vector->data_ptr<float>(), bytes.data(), bytes.size());
}

void Processes::add_up(at::Tensor* vector) {
  const std::string prefix = "adainstyle/" + std::to_string(exchanges_) + "/";
  at::Tensor sum = at::zeros_like(*vector), other = at::empty_like(*vector);
  try {
    put(prefix + std::to_string(rank_), *vector);
    // Whoever has put this exchange's vector has fetched all of the last one's, but perhaps not yet all of this one's.
    if (exchanges_ >= 2) store_->tcp->deleteKey("adainstyle/" + std::to_string(exchanges_ - 2) + "/" + std::to_string(rank_));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kLibrary,
                "The first process of the training does not answer; it has stopped or is cut off. Start all processes "
                "again with --resume. (" +
                    std::string(error.what()).substr(0, 200) + ")");
  }
  for (int owner = 0; owner < size_; ++owner) {
    if (owner == rank_) {
      sum.add_(*vector);
    } else {
      fetch(prefix + std::to_string(owner), owner, &other);
      sum.add_(other);
    }
  }
  ++exchanges_;
  vector->copy_(sum);
}

void Processes::average(at::Tensor* vector) {
  if (size_ == 1) return;
  add_up(vector);
  vector->div_(size_);
}

void Processes::broadcast(at::Tensor* vector) {
  if (size_ == 1) return;
  if (!first()) vector->zero_();
  add_up(vector);
}

}  // namespace adainstyle
