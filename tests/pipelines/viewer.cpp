// SPDX-License-Identifier: MIT
#include "viewer.h"

#include <stdexcept>

#include <gst/video/video.h>

#include "processes.h"

namespace adainstyle::test {

Viewer::Viewer(const std::string& url, const std::string& properties) {
  const std::string description = "rtspsrc latency=0 location=" + url + " " + properties +
                                  " ! decodebin ! videoconvert ! video/x-raw,format=GRAY8 ! appsink name=sink sync=false";
  GError* error = nullptr;
  pipeline_ = gst_parse_launch(description.c_str(), &error);
  if (error != nullptr) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error(reason);
  }
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline_), "sink");
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = on_sample;
  gst_app_sink_set_callbacks(GST_APP_SINK(sink), &callbacks, this, nullptr);
  gst_object_unref(sink);
  gst_element_set_state(pipeline_, GST_STATE_PLAYING);
}

Viewer::~Viewer() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(pipeline_);
}

GstFlowReturn Viewer::on_sample(GstAppSink* sink, gpointer data) {
  auto* self = static_cast<Viewer*>(data);
  GstSample* sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  GstVideoInfo info;
  GstVideoFrame frame;
  gst_video_info_from_caps(&info, gst_sample_get_caps(sample));
  if (gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    const auto* pixels = static_cast<const guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
    const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    int dark = 0;
    for (int y = 0; y < info.height; ++y) {
      for (int x = 0; x < info.width; ++x) dark += pixels[y * stride + x] >= 45 && pixels[y * stride + x] <= 95;
    }
    self->slate_share_ = static_cast<double>(dark) / info.height / info.width;
    self->width_ = info.width;
    self->height_ = info.height;
    gst_video_frame_unmap(&frame);
  }
  gst_sample_unref(sample);
  ++self->frames_;
  return GST_FLOW_OK;
}

bool Viewer::gets(int frames, double seconds) const {
  return eventually(seconds, [&] { return frames_ >= frames; });
}

std::string Viewer::trouble() const {
  const std::lock_guard guard(lock_);
  GstBus* bus = gst_element_get_bus(pipeline_);
  const auto bad = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  while (GstMessage* message = gst_bus_pop_filtered(bus, bad)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      trouble_ += "The stream has ended. ";
    } else {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      trouble_ += std::string(error->message) + " ";
      g_error_free(error);
    }
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return trouble_;
}

}  // namespace adainstyle::test
