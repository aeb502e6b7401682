// SPDX-License-Identifier: MIT
#include "gpu_link.h"

#include <exception>

#include "adainstyle/error.h"

GST_DEBUG_CATEGORY_EXTERN(adainstyle_debug);
#define GST_CAT_DEFAULT adainstyle_debug

namespace adainstyle::gst {

void GpuLink::open(GstElement* element) {
  const std::shared_ptr<GpuMemory> memory = find(element);
  only_system_memory_ = memory == nullptr;
  if (memory) memory->share(element);
}

void GpuLink::close() {
  const std::lock_guard guard(lock_);
  memory_.reset();
  only_system_memory_ = false;
}

bool GpuLink::answer(GstElement* element, GstQuery* query) noexcept {
  if (only_system_memory_) return false;
  try {
    std::shared_ptr<GpuMemory> memory;
    {
      const std::lock_guard guard(lock_);
      memory = memory_;
    }
    if (!memory) memory = find(element);
    if (memory) memory->answer(element, query);
    return memory != nullptr;
  } catch (const std::exception& error) {
    GST_DEBUG_OBJECT(element, "no context to share: %s", error.what());
    return false;
  }
}

GpuMemory* GpuLink::memory() const {
  const std::lock_guard guard(lock_);
  return memory_.get();
}

std::shared_ptr<GpuMemory> GpuLink::find(GstElement* element) {
  const Device device = find_device_();
  const std::lock_guard guard(lock_);
  if (device.type == DeviceType::kCpu) {
    memory_.reset();
  } else if (!memory_ || memory_->device() != device.index) {
    memory_.reset();
    try {
      memory_ = open_gpu_memory(device.index);
    } catch (const Error& error) {
      // Frames in system memory may still be painted there; if not, opening the stylizer says so.
      GST_WARNING_OBJECT(element, "no memory:CUDAMemory: %s", error.what());
    }
  }
  return memory_;
}

}  // namespace adainstyle::gst
