// SPDX-License-Identifier: MIT
#include "frames.h"

#include <utility>

namespace relay {

GstElement* add_handover(GstBin* bin, SampleHandler handler) {
  GstElement* sink = add_element(bin, "appsink");
  g_object_set(sink, "sync", FALSE, "async", FALSE, "max-buffers", 1u, "enable-last-sample", FALSE, nullptr);
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = [](GstAppSink* appsink, gpointer data) {
    SamplePtr sample(gst_app_sink_pull_sample(appsink));
    if (sample) (*static_cast<SampleHandler*>(data))(std::move(sample));
    return GST_FLOW_OK;
  };
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, new SampleHandler(std::move(handler)),
                             [](gpointer data) { delete static_cast<SampleHandler*>(data); });
  return sink;
}

GstElement* add_entry(GstBin* bin, GstCaps* caps) {
  GstElement* source = add_element(bin, "appsrc");
  g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "is-live", TRUE, "max-bytes", guint64{0}, nullptr);
  return source;
}

BufferPtr restamped(GstBuffer* buffer, GstClockTime time) {
  BufferPtr copy(gst_buffer_copy(buffer));
  GST_BUFFER_PTS(copy.get()) = time;
  GST_BUFFER_DTS(copy.get()) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(copy.get()) = GST_CLOCK_TIME_NONE;
  return copy;
}

CapsPtr raw_caps(const char* format, int width, int height) {
  return CapsPtr(gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, format, "width", G_TYPE_INT, width, "height",
                                     G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 0, 1, "pixel-aspect-ratio",
                                     GST_TYPE_FRACTION, 1, 1, "interlace-mode", G_TYPE_STRING, "progressive", nullptr));
}

}  // namespace relay
