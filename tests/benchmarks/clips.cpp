// SPDX-License-Identifier: MIT
#include "clips.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <cstring>
#include <stdexcept>
#include <utility>

namespace adainstyle::test {
namespace {

// GStreamer's rows, without a GstVideoMeta.
std::size_t stride_of(int width) { return (static_cast<std::size_t>(width) * 3 + 3) / 4 * 4; }

GstElement* launch(const std::string& line) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (error) throw std::runtime_error(error->message);
  return pipeline;
}

// The frames that come out of the pipeline's appsink `out`. Takes the pipeline.
std::vector<Frame> pull_frames(GstElement* pipeline, int limit) {
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  std::vector<Frame> frames;
  while (static_cast<int>(frames.size()) < limit) {
    GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(sink));
    if (!sample) break;
    GstStructure* caps = gst_caps_get_structure(gst_sample_get_caps(sample), 0);
    int width = 0, height = 0;
    gst_structure_get_int(caps, "width", &width);
    gst_structure_get_int(caps, "height", &height);
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ);
    Frame frame(width, height);
    const std::size_t stride = stride_of(width);
    for (int y = 0; y < height; ++y) std::memcpy(frame.at(0, y), map.data + y * stride, static_cast<std::size_t>(width) * 3);
    gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
    gst_sample_unref(sample);
    frames.push_back(std::move(frame));
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  if (frames.empty()) throw std::runtime_error("a clip has no frames");
  return frames;
}

}  // namespace

std::vector<Frame> read_clip(const std::string& path, int limit) {
  GstElement* pipeline =
      launch("filesrc name=in ! decodebin ! videoconvert ! video/x-raw,format=RGB ! appsink name=out sync=false max-buffers=4");
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "in");
  g_object_set(source, "location", path.c_str(), nullptr);
  gst_object_unref(source);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  return pull_frames(pipeline, limit);
}

std::vector<Frame> coded(const std::vector<Frame>& frames, int bitrate) {
  GstElement* pipeline =
      launch("appsrc name=in format=time ! videoconvert ! x264enc bitrate=" + std::to_string(bitrate) +
             " tune=zerolatency key-int-max=50 ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=RGB ! "
             "appsink name=out sync=false");
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "in");
  const int width = frames[0].width;
  const int height = frames[0].height;
  GstCaps* caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "RGB", "width", G_TYPE_INT, width, "height",
                                      G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 25, 1, nullptr);
  g_object_set(source, "caps", caps, "max-bytes", static_cast<guint64>(0), nullptr);
  gst_caps_unref(caps);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, stride_of(width) * height, nullptr);
    for (int y = 0; y < height; ++y) {
      gst_buffer_fill(buffer, y * stride_of(width), frames[i].at(0, y), static_cast<std::size_t>(width) * 3);
    }
    GST_BUFFER_PTS(buffer) = i * kFrameNs;
    GST_BUFFER_DURATION(buffer) = kFrameNs;
    gst_app_src_push_buffer(GST_APP_SRC(source), buffer);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source));
  gst_object_unref(source);
  return pull_frames(pipeline, static_cast<int>(frames.size()));
}

}  // namespace adainstyle::test
