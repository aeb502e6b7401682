// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include <cuda.h>
#include <cudaGL.h>

#include "standin_cuda.h"

#define STANDIN_API extern "C" __attribute__((visibility("default")))

struct CUctx_st {
  CUdevice device;
  bool primary;
};

struct CUstream_st {
  CUcontext context;
};

namespace adainstyle::standin {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPitch = 512;  // as real devices have it: rows of a picture seldom fill it

struct Block {
  std::size_t size = 0;
  CUcontext context = nullptr;
  std::unique_ptr<std::uint8_t[]> shadow;  // of device memory
};

using Blocks = std::map<std::uintptr_t, Block>;  // by address

struct Fault {
  int skipped;
  CUresult result;
};

struct Driver {
  std::mutex lock;
  int devices = 1;
  bool lost = false;
  std::map<std::string, Fault> faults;
  std::vector<std::string> complaints;
  Counters counters;
  std::set<CUcontext> contexts;
  std::map<int, CUctx_st> primaries;
  Blocks device_blocks;
  Blocks host_blocks;
};

Driver& driver() {
  static auto* instance = [] {  // never destroyed: GStreamer frees memory while the process ends
    auto* made = new Driver;
    const char* devices = std::getenv("ADAINSTYLE_STANDIN_DEVICES");
    if (devices != nullptr) made->devices = std::atoi(devices);
    return made;
  }();
  return *instance;
}

thread_local std::vector<CUcontext> stack;

CUcontext current() { return stack.empty() ? nullptr : stack.back(); }

void complain(const std::string& text) { driver().complaints.push_back(text); }

enum class Needs { kNothing, kDevice, kContext };

// Runs the body of a driver function under the lock, unless the function is told to fail or what it needs is missing.
template <typename Body>
CUresult call(const char* function, Needs needs, const Body& body) {
  Driver& state = driver();
  const std::lock_guard guard(state.lock);
  if (const auto fault = state.faults.find(function); fault != state.faults.end() && fault->second.skipped-- == 0) {
    const CUresult result = fault->second.result;
    state.faults.erase(fault);
    return result;
  }
  if (needs != Needs::kNothing && state.lost) return CUDA_ERROR_LAUNCH_FAILED;
  if (needs == Needs::kContext && current() == nullptr) {
    complain(std::string(function) + " was called without a context");
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  return body(state);
}

bool is_device(const Driver& state, CUdevice device) { return device >= 0 && device < state.devices; }

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

CUresult allocate(Driver& state, std::size_t size, CUdeviceptr* pointer) {
  if (size == 0) return CUDA_ERROR_INVALID_VALUE;
  void* address = mmap(nullptr, (size + kPage - 1) / kPage * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  Block block{size, current(), std::make_unique<std::uint8_t[]>(size)};
  std::memset(block.shadow.get(), 0xdb, size);
  state.device_blocks.emplace(reinterpret_cast<std::uintptr_t>(address), std::move(block));
  ++state.counters.allocations;
  *pointer = reinterpret_cast<CUdeviceptr>(address);
  return CUDA_SUCCESS;
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

CUresult pop(Driver& state, CUcontext* context) {
  if (stack.empty()) {
    complain("a context was popped that was not pushed");
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (context != nullptr) *context = stack.back();
  stack.pop_back();
  --state.counters.pushed;
  return CUDA_SUCCESS;
}

// ---- Control ----

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
  state.counters.pushed -= static_cast<int>(stack.size());
  stack.clear();
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

using namespace adainstyle::standin;

// ---- Devices and contexts ----

STANDIN_API CUresult cuInit(unsigned int) {
  return call("cuInit", Needs::kNothing, [](Driver& state) { return state.devices > 0 ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE; });
}

STANDIN_API CUresult cuDriverGetVersion(int* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

STANDIN_API CUresult cuDeviceGetCount(int* count) {
  return call("cuDeviceGetCount", Needs::kNothing, [&](Driver& state) {
    *count = state.devices;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  return call("cuDeviceGet", Needs::kNothing, [&](Driver& state) {
    *device = ordinal;
    return is_device(state, ordinal) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
  });
}

STANDIN_API CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  return call("cuDeviceGetName", Needs::kNothing, [&](Driver& state) {
    if (!is_device(state, device) || length <= 0) return CUDA_ERROR_INVALID_DEVICE;
    std::strncpy(name, "stand-in", static_cast<std::size_t>(length));
    name[length - 1] = '\0';
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  return call("cuDeviceGetAttribute", Needs::kNothing, [&](Driver& state) {
    if (!is_device(state, device)) return CUDA_ERROR_INVALID_DEVICE;
    switch (attribute) {
      case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *value = 9; break;
      case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *value = 0; break;
      case CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT: *value = static_cast<int>(kPitch); break;
      default: *value = 0; break;
    }
    return CUDA_SUCCESS;
  });
}

// No device reaches another's memory, and a device is no peer of itself.
STANDIN_API CUresult cuDeviceCanAccessPeer(int* can, CUdevice, CUdevice) {
  *can = 0;
  return CUDA_SUCCESS;
}

STANDIN_API CUresult cuCtxEnablePeerAccess(CUcontext, unsigned int) { return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED; }
STANDIN_API CUresult cuCtxDisablePeerAccess(CUcontext) { return CUDA_ERROR_PEER_ACCESS_NOT_ENABLED; }

STANDIN_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  return call("cuDevicePrimaryCtxRetain", Needs::kDevice, [&](Driver& state) {
    if (!is_device(state, device)) return CUDA_ERROR_INVALID_DEVICE;
    *context = &state.primaries.try_emplace(device, CUctx_st{device, true}).first->second;
    ++state.counters.primary_retains;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuDevicePrimaryCtxRelease(CUdevice) {
  return call("cuDevicePrimaryCtxRelease", Needs::kNothing, [](Driver& state) {
    if (state.counters.primary_retains == 0) {
      complain("a primary context was released that was not retained");
      return CUDA_ERROR_INVALID_CONTEXT;
    }
    --state.counters.primary_retains;
    return CUDA_SUCCESS;
  });
}

// GStreamer 1.22 asks for this version by name; the toolkit's header has only a later one.
STANDIN_API CUresult cuCtxCreate_v2(CUcontext* context, unsigned int, CUdevice device) {
  return call("cuCtxCreate", Needs::kDevice, [&](Driver& state) {
    if (!is_device(state, device)) return CUDA_ERROR_INVALID_DEVICE;
    *context = new CUctx_st{device, false};
    state.contexts.insert(*context);
    stack.push_back(*context);
    ++state.counters.pushed;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuCtxDestroy(CUcontext context) {
  return call("cuCtxDestroy", Needs::kNothing, [&](Driver& state) {
    if (state.contexts.erase(context) == 0) {
      complain("a context was destroyed that does not exist or is primary");
      return CUDA_ERROR_INVALID_CONTEXT;
    }
    for (const auto& [address, block] : state.device_blocks) {
      if (block.context == context) complain("a context was destroyed while its memory was in use");
    }
    if (current() == context) pop(state, nullptr);
    delete context;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuCtxPushCurrent(CUcontext context) {
  return call("cuCtxPushCurrent", Needs::kDevice, [&](Driver& state) {
    const bool known = state.contexts.count(context) != 0 || (context != nullptr && context->primary);
    if (!known) {
      complain("a context was pushed that does not exist");
      return CUDA_ERROR_INVALID_CONTEXT;
    }
    stack.push_back(context);
    ++state.counters.pushed;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuCtxPopCurrent(CUcontext* context) {
  return call("cuCtxPopCurrent", Needs::kNothing, [&](Driver& state) { return pop(state, context); });
}

// ---- Memory ----

STANDIN_API CUresult cuMemAlloc(CUdeviceptr* pointer, std::size_t size) {
  return call("cuMemAlloc", Needs::kContext, [&](Driver& state) { return allocate(state, size, pointer); });
}

STANDIN_API CUresult cuMemAllocPitch(CUdeviceptr* pointer, std::size_t* pitch, std::size_t width, std::size_t height,
                                     unsigned int) {
  return call("cuMemAllocPitch", Needs::kContext, [&](Driver& state) {
    *pitch = (width + kPitch - 1) / kPitch * kPitch;
    return allocate(state, *pitch * height, pointer);
  });
}

STANDIN_API CUresult cuMemFree(CUdeviceptr pointer) {
  return call("cuMemFree", Needs::kContext, [&](Driver& state) {
    const auto block = state.device_blocks.find(pointer);
    if (block == state.device_blocks.end()) {
      complain("device memory was freed that is not there");
      return CUDA_ERROR_INVALID_VALUE;
    }
    munmap(reinterpret_cast<void*>(pointer), (block->second.size + kPage - 1) / kPage * kPage);
    state.device_blocks.erase(block);
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuMemAllocHost(void** pointer, std::size_t size) {
  return call("cuMemAllocHost", Needs::kContext, [&](Driver& state) {
    *pointer = std::malloc(size);
    if (*pointer == nullptr) return CUDA_ERROR_OUT_OF_MEMORY;
    state.host_blocks[reinterpret_cast<std::uintptr_t>(*pointer)].size = size;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuMemFreeHost(void* pointer) {
  return call("cuMemFreeHost", Needs::kContext, [&](Driver& state) {
    if (state.host_blocks.erase(reinterpret_cast<std::uintptr_t>(pointer)) == 0) {
      complain("pinned memory was freed that is not there");
      return CUDA_ERROR_INVALID_VALUE;
    }
    std::free(pointer);
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuMemcpy2D(const CUDA_MEMCPY2D* job) {
  return call("cuMemcpy2D", Needs::kContext, [&](Driver& state) { return copy(state, *job); });
}

STANDIN_API CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D* job, CUstream) {
  return call("cuMemcpy2DAsync", Needs::kContext, [&](Driver& state) { return copy(state, *job); });
}

// ---- Streams ----

STANDIN_API CUresult cuStreamCreate(CUstream* stream, unsigned int) {
  return call("cuStreamCreate", Needs::kContext, [&](Driver& state) {
    *stream = new CUstream_st{current()};
    ++state.counters.streams;
    return CUDA_SUCCESS;
  });
}

// GStreamer 1.22 asks for it without a version.
#undef cuStreamDestroy
STANDIN_API CUresult cuStreamDestroy(CUstream stream) {
  return call("cuStreamDestroy", Needs::kContext, [&](Driver& state) {
    delete stream;
    --state.counters.streams;
    return CUDA_SUCCESS;
  });
}

STANDIN_API CUresult cuStreamSynchronize(CUstream) {
  return call("cuStreamSynchronize", Needs::kContext, [](Driver&) { return CUDA_SUCCESS; });
}

// ---- Errors ----

STANDIN_API CUresult cuGetErrorName(CUresult error, const char** text) {
  switch (error) {
    case CUDA_SUCCESS: *text = "CUDA_SUCCESS"; break;
    case CUDA_ERROR_OUT_OF_MEMORY: *text = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case CUDA_ERROR_LAUNCH_FAILED: *text = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case CUDA_ERROR_NO_DEVICE: *text = "CUDA_ERROR_NO_DEVICE"; break;
    default: *text = "CUDA_ERROR_UNKNOWN"; break;
  }
  return CUDA_SUCCESS;
}

STANDIN_API CUresult cuGetErrorString(CUresult error, const char** text) { return cuGetErrorName(error, text); }

// ---- What GStreamer wants to find, and what needs a GPU ----

#define UNSUPPORTED(declaration) \
  STANDIN_API CUresult declaration { return CUDA_ERROR_NOT_SUPPORTED; }

UNSUPPORTED(cuModuleLoadData(CUmodule*, const void*))
UNSUPPORTED(cuModuleUnload(CUmodule))
UNSUPPORTED(cuModuleGetFunction(CUfunction*, CUmodule, const char*))
UNSUPPORTED(cuTexObjectCreate(CUtexObject*, const CUDA_RESOURCE_DESC*, const CUDA_TEXTURE_DESC*, const CUDA_RESOURCE_VIEW_DESC*))
UNSUPPORTED(cuTexObjectDestroy(CUtexObject))
UNSUPPORTED(cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void**,
                           void**))
UNSUPPORTED(cuGraphicsMapResources(unsigned int, CUgraphicsResource*, CUstream))
UNSUPPORTED(cuGraphicsUnmapResources(unsigned int, CUgraphicsResource*, CUstream))
UNSUPPORTED(cuGraphicsResourceSetMapFlags(CUgraphicsResource, unsigned int))
UNSUPPORTED(cuGraphicsSubResourceGetMappedArray(CUarray*, CUgraphicsResource, unsigned int, unsigned int))
UNSUPPORTED(cuGraphicsResourceGetMappedPointer(CUdeviceptr*, std::size_t*, CUgraphicsResource))
UNSUPPORTED(cuGraphicsUnregisterResource(CUgraphicsResource))
UNSUPPORTED(cuGraphicsGLRegisterImage(CUgraphicsResource*, GLuint, GLenum, unsigned int))
UNSUPPORTED(cuGraphicsGLRegisterBuffer(CUgraphicsResource*, GLuint, unsigned int))
UNSUPPORTED(cuGLGetDevices(unsigned int*, CUdevice*, unsigned int, CUGLDeviceList))
