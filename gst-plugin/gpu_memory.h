// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include <gst/gst.h>
#include <gst/video/video.h>

#include "adainstyle/image.h"

// The formats of ADAINSTYLE_VIDEO_FORMATS that gst/cuda has memory for in every version from 1.22 on, as a caps value. Pixels of four
// bytes come first: they are what a GPU reads best.
#define ADAINSTYLE_GPU_VIDEO_FORMATS "{ RGBA, BGRA, RGBx, BGRx, ARGB, ABGR, RGB, BGR, NV12, I420, RGBP }"

namespace adainstyle::gst {

// The element's dealings with video/x-raw(memory:CUDAMemory) on one GPU. gpu_memory_cuda.cpp is the only file that knows gst/cuda;
// gpu_memory_absent.cpp takes its place in builds without.
//
// Note [Contexts]
// LibTorch works in the device's primary context, while GStreamer's elements make a context of their own unless they are given one.
// So the primary context is offered to everybody: one GstCudaContext for the whole process wraps it, the element gives it to
// whoever asks (CONTEXT query) and tells the bin (have-context message) before upstream elements open. Where an application or
// another element brought a wrapper of the primary context itself, that one is used. Frames in any other context, which belong to a
// pipeline that was set up differently, are copied on the GPU, in and out: LibTorch cannot follow them there.
class GpuMemory {
 public:
  using Painter = std::function<void(const ImageView&, const MutableImageView&)>;

  virtual ~GpuMemory() = default;

  // Which GPU, as the core counts them.
  virtual int device() const = 0;

  // Agrees on a wrapper of the primary context with neighbours, bin and application. For NULL -> READY. May run callbacks of
  // the application and of other elements.
  virtual void share(GstElement* element) = 0;

  // Answers a CONTEXT query for which is_gpu_context_query() holds.
  virtual void answer(GstElement* element, GstQuery* query) const = 0;

  // Offers upstream a pool, if there is memory for one.
  virtual void propose(GstQuery* allocation) const = 0;

  // Puts the pool for the output first in the answered query: downstream's if it has memory of a GPU, else an own one. Throws Error
  // (kOutOfMemory).
  virtual void decide(GstQuery* allocation) const = 0;

  // Maps both buffers on the GPU, with the primary context current, and calls `paint`. Where a view's device has a queue, `paint` need
  // not wait for the pixels: whoever uses the buffer next is queued behind. Returns the buffer that does not hold a frame of `info` in GPU memory, or null when all went well. Throws Error, and what
  // `paint` throws. Streaming thread only.
  virtual GstBuffer* paint(const GstVideoInfo& info, GstBuffer* input, GstBuffer* output, const Painter& paint) = 0;
};

// Touches the driver. Throws Error (kLibrary) where GStreamer or the driver cannot use the device; null where the plugin was built
// without gst/cuda.
std::shared_ptr<GpuMemory> open_gpu_memory(int device);

// Whether caps are of frames in GPU memory.
bool is_gpu_features(const GstCapsFeatures* features);

// Whether a query asks for a CUDA context.
bool is_gpu_context_query(GstQuery* query);

}  // namespace adainstyle::gst
