// SPDX-License-Identifier: MIT
#include "standin_state.h"

#include <sys/mman.h>

#include <cstring>
#include <iterator>
#include <utility>

namespace adainstyle::standin {

Driver& driver() {
  static auto* instance = new Driver;  // never destroyed: GStreamer frees memory while the process ends
  return *instance;
}

std::vector<CUcontext>& stack() {
  thread_local std::vector<CUcontext> contexts;
  return contexts;
}

namespace {

constexpr std::size_t kPage = 4096;

std::size_t whole_pages(std::size_t size) { return (size + kPage - 1) / kPage * kPage; }

// The block that holds all of [address, address + size), or null.
const Block* block_at(const Blocks& blocks, std::uintptr_t address, std::size_t size) {
  auto next = blocks.upper_bound(address);
  if (next == blocks.begin()) return nullptr;
  const auto& [start, block] = *std::prev(next);
  return address - start <= block.size && size <= block.size - (address - start) ? &block : nullptr;
}

std::uint8_t* shadow_at(const Blocks& blocks, std::uintptr_t address, std::size_t size) {
  const Block* block = block_at(blocks, address, size);
  return block == nullptr ? nullptr : block->shadow.get() + (address - std::prev(blocks.upper_bound(address))->first);
}

// One side of a 2D copy.
struct Side {
  bool device = false;
  std::uint8_t* bytes = nullptr;  // null: outside of any memory that may be used here
};

Side side_of(const Driver& state, CUmemorytype type, const void* host, CUdeviceptr pointer, std::size_t skip, std::size_t size) {
  if (type == CU_MEMORYTYPE_HOST) return {false, static_cast<std::uint8_t*>(const_cast<void*>(host)) + skip};
  const std::uintptr_t address = pointer + skip;
  const Block* block = block_at(state.device_blocks, address, size);
  // Only a unified pointer tells the driver which context its memory belongs to.
  if (block == nullptr || (type == CU_MEMORYTYPE_DEVICE && block->context != current())) return {true, nullptr};
  return {true, shadow_at(state.device_blocks, address, size)};
}

}  // namespace

CUresult push(Driver& state, CUcontext context) {
  stack().push_back(context);
  ++state.counters.pushed;
  return CUDA_SUCCESS;
}

CUresult pop(Driver& state, CUcontext* context) {
  if (stack().empty()) {
    complain("a context was popped that was not pushed");
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (context != nullptr) *context = stack().back();
  stack().pop_back();
  --state.counters.pushed;
  return CUDA_SUCCESS;
}

CUresult allocate(Driver& state, std::size_t size, CUdeviceptr* pointer) {
  if (size == 0) return CUDA_ERROR_INVALID_VALUE;
  void* address = mmap(nullptr, whole_pages(size), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  Block block{size, current(), std::make_unique<std::uint8_t[]>(size)};
  std::memset(block.shadow.get(), 0xdb, size);
  state.device_blocks.emplace(reinterpret_cast<std::uintptr_t>(address), std::move(block));
  ++state.counters.allocations;
  *pointer = reinterpret_cast<CUdeviceptr>(address);
  return CUDA_SUCCESS;
}

CUresult release(Driver& state, CUdeviceptr pointer) {
  const auto block = state.device_blocks.find(pointer);
  if (block == state.device_blocks.end()) {
    complain("device memory was freed that is not there");
    return CUDA_ERROR_INVALID_VALUE;
  }
  munmap(reinterpret_cast<void*>(pointer), whole_pages(block->second.size));
  state.device_blocks.erase(block);
  return CUDA_SUCCESS;
}

CUresult copy(Driver& state, const CUDA_MEMCPY2D& job) {
  if (job.WidthInBytes == 0 || job.Height == 0) return CUDA_SUCCESS;
  const std::size_t width = job.WidthInBytes;
  const auto extent = [&](std::size_t pitch) { return (job.Height - 1) * pitch + width; };
  const Side from = side_of(state, job.srcMemoryType, job.srcHost, job.srcDevice, job.srcY * job.srcPitch + job.srcXInBytes,
                            extent(job.srcPitch));
  const Side to = side_of(state, job.dstMemoryType, job.dstHost, job.dstDevice, job.dstY * job.dstPitch + job.dstXInBytes,
                          extent(job.dstPitch));
  if (from.bytes == nullptr || to.bytes == nullptr || (job.Height > 1 && (job.srcPitch < width || job.dstPitch < width))) {
    complain("a copy of " + std::to_string(width) + "x" + std::to_string(job.Height) + " bytes " +
             (from.bytes == nullptr ? "from" : "to") + " memory that is not there or belongs to another context");
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (std::size_t y = 0; y < job.Height; ++y) {
    std::memmove(to.bytes + y * job.dstPitch, from.bytes + y * job.srcPitch, width);
  }
  if (from.device) {
    ++(to.device ? state.counters.device_to_device : state.counters.device_to_host);
  } else if (to.device) {
    ++state.counters.host_to_device;
  }
  return CUDA_SUCCESS;
}

// ---- Control ----

namespace {

int devices() {
  const std::lock_guard guard(driver().lock);
  return driver().devices;
}

void reset(int devices) {
  Driver& state = driver();
  const std::lock_guard guard(state.lock);
  state.devices = devices;
  state.lost = false;
  state.faults.clear();
  state.complaints.clear();
  state.counters.pushed -= static_cast<int>(stack().size());
  stack().clear();
  state.counters.allocations = 0;
  state.counters.host_to_device = state.counters.device_to_host = state.counters.device_to_device = 0;
}

Counters counters() {
  Driver& state = driver();
  const std::lock_guard guard(state.lock);
  Counters now = state.counters;
  now.contexts = static_cast<int>(state.contexts.size());
  now.device_blocks = static_cast<int>(state.device_blocks.size());
  now.host_blocks = static_cast<int>(state.host_blocks.size());
  return now;
}

std::vector<std::string> complaints() {
  const std::lock_guard guard(driver().lock);
  return driver().complaints;
}

void fail(const char* function, int skipped, int result) {
  const std::lock_guard guard(driver().lock);
  driver().faults[function] = {skipped, static_cast<CUresult>(result)};
}

void lose_device() {
  const std::lock_guard guard(driver().lock);
  driver().lost = true;
}

std::uint8_t* shadow(const void* device_pointer, std::size_t size) {
  Driver& state = driver();
  const std::lock_guard guard(state.lock);
  const auto address = reinterpret_cast<std::uintptr_t>(device_pointer);
  const Block* block = block_at(state.device_blocks, address, size);
  if (state.lost || block == nullptr || block->context != current()) return nullptr;
  return shadow_at(state.device_blocks, address, size);
}

}  // namespace
}  // namespace adainstyle::standin

STANDIN_API const adainstyle::standin::Control* adainstyle_standin_cuda_control() {
  using namespace adainstyle::standin;
  static const Control control = {devices, reset, counters, complaints, fail, lose_device, shadow};
  return &control;
}
