// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include "adainstyle_element.h"
#include "core_library.h"
#include "gpu_link.h"
#include "gpu_memory.h"
#include "latency.h"
#include "properties.h"
#include "style_switcher.h"

namespace adainstyle::gst {

// The element's state. Destroyed in reverse order: the switcher, whose thread uses the stylizer, before the stylizer.
struct ElementState {
  // Where the element is set to compute. Throws Error for a device that is not there.
  Device find_device() {
    std::string name;
    {
      const std::lock_guard guard(lock);
      name = settings.stylizer.device;
    }
    return open_core_library().find_device(name);
  }

  std::mutex lock;    // guards settings, children and the two pointers start..stop; held for what returns at once only
  Settings settings;  // what the user set
  const CoreEntry* core = nullptr;        // from READY on
  std::unique_ptr<Stylizer> stylizer;     // start..stop
  std::unique_ptr<StyleSwitcher> styles;  // start..stop
  std::vector<GstObject*> children;       // Note [Style children]; the element holds the references

  GpuLink gpu{[this] { return find_device(); }};

  std::atomic<std::uint64_t> dropped = 0;  // frames that were too late to be painted, since start
  LatencyMeter latency;

  // Streaming thread only.
  GstVideoInfo info = {};           // of both pads
  GpuMemory* gpu_frames = nullptr;  // where the pads' caps are of GPU memory
  GstClockTime last_time = 0;       // running time of the last frame
  int tiles = 1;                    // that the last frame was painted in
  std::string notice;               // that was said last
};

// The state behind a GstAdainStyle.
ElementState& state_of(gpointer element);

// What the element's virtual functions call for the base class's part of the work.
inline GstBaseTransformClass* base_class() { return GST_BASE_TRANSFORM_CLASS(g_type_class_peek(GST_TYPE_BASE_TRANSFORM)); }

}  // namespace adainstyle::gst
