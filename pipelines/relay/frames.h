// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include "../media.h"

// How frames go from one pipeline to the next. Every pipeline has a clock and a life of its own; a frame carries the moment at
// which it was decoded (gst_util_get_timestamp(), nanoseconds) as its presentation time until the encoder stamps it anew.
namespace relay {

struct BufferUnref {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
};
using BufferPtr = std::unique_ptr<GstBuffer, BufferUnref>;

// Called on the streaming thread of the pipeline that the sample comes from.
using SampleHandler = std::function<void(SamplePtr)>;

// Ends a pipeline in an appsink that hands over every sample as it comes, without waiting for a clock.
GstElement* add_handover(GstBin* bin, SampleHandler handler);

// Begins a pipeline with an appsrc that takes frames of these caps; null: those of the samples pushed.
GstElement* add_entry(GstBin* bin, GstCaps* caps);

// The same memory with another presentation time; GST_CLOCK_TIME_NONE: none.
BufferPtr restamped(GstBuffer* buffer, GstClockTime time);

// "video/x-raw" in `format`, of this size, at a variable rate.
CapsPtr raw_caps(const char* format, int width, int height);

}  // namespace relay
