// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <gst/gst.h>

#include "adainstyle/image.h"
#include "gpu_memory.h"

namespace adainstyle::gst {

// The element's GpuMemory through its states: from READY on, or from the moment when a neighbour asks for the context. May be used on
// any thread.
class GpuLink {
 public:
  // find_device: where the element is set to compute; throws Error for a device that is not there.
  explicit GpuLink(std::function<Device()> find_device) : find_device_(std::move(find_device)) {}

  // NULL -> READY, and READY -> PAUSED, since the device may have been changed in between. Throws what find_device throws.
  void open(GstElement* element);

  // READY -> NULL.
  void close();

  // Answers a CONTEXT query for which is_gpu_context_query() holds. Neighbours open one after the other, those downstream first:
  // they ask while the element may still be in NULL.
  bool answer(GstElement* element, GstQuery* query) noexcept;

  // Null where frames can only be in system memory. Valid until the next open() or close().
  GpuMemory* memory() const;

  // From READY on: whether there is nothing on a GPU to negotiate.
  bool only_system_memory() const { return only_system_memory_; }

 private:
  std::shared_ptr<GpuMemory> find(GstElement* element);

  const std::function<Device()> find_device_;
  mutable std::mutex lock_;  // guards memory_; not held while others are asked, who may ask back
  std::shared_ptr<GpuMemory> memory_;
  std::atomic<bool> only_system_memory_ = false;
};

}  // namespace adainstyle::gst
