// SPDX-License-Identifier: MIT
// The driver's functions, as cuda.h declares them.
#include <cstdlib>
#include <cstring>

#include <cuda.h>
#include <cudaGL.h>

#include "standin_state.h"

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
    return push(state, *context);
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
    return push(state, context);
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
  return call("cuMemFree", Needs::kContext, [&](Driver& state) { return release(state, pointer); });
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
