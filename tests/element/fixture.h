// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

namespace adainstyle::test {

struct Release {
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
  void operator()(GstMessage* message) const { gst_message_unref(message); }
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
  void operator()(GstQuery* query) const { gst_query_unref(query); }
  void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
};
using ElementPtr = std::unique_ptr<GstElement, Release>;
using BusPtr = std::unique_ptr<GstBus, Release>;
using MessagePtr = std::unique_ptr<GstMessage, Release>;
using BufferPtr = std::unique_ptr<GstBuffer, Release>;
using CapsPtr = std::unique_ptr<GstCaps, Release>;
using QueryPtr = std::unique_ptr<GstQuery, Release>;
using HarnessPtr = std::unique_ptr<GstHarness, Release>;

// How long to wait for what must happen: far longer than it takes, short enough for a hanging test to end.
constexpr GstClockTime kPatience = 30 * GST_SECOND;

// Rows without any padding, plane after plane.
using Pixels = std::vector<std::uint8_t>;

GstVideoInfo video_info(GstVideoFormat format, int width, int height);
CapsPtr caps_of(const GstVideoInfo& info);

// A picture in which neighbouring pixels and colours differ; another seed gives another picture.
Pixels test_picture(const GstVideoInfo& info, int seed = 0);

// A buffer as the caps describe it.
BufferPtr make_buffer(const GstVideoInfo& info, const Pixels& pixels);

// A buffer whose GstVideoMeta says that `offset` bytes lie before each plane and `gap` bytes after each row.
BufferPtr make_padded_buffer(const GstVideoInfo& info, const Pixels& pixels, std::size_t offset, int gap);

Pixels read_pixels(const GstVideoInfo& info, GstBuffer* buffer);

// `pixels` with the byte that means nothing set to zero in formats that have one, for comparing.
Pixels meaningful(const GstVideoInfo& info, Pixels pixels);

// What the fake core makes of a picture (fake::painted), worked out from GStreamer's description of the format.
Pixels painted_picture(const GstVideoInfo& info, Pixels pixels, int style_value, float strength = 1.0f);

// The error or warning in a message.
struct Report {
  std::string domain;
  int code = -1;
  std::string text;
};
Report report_of(GstMessage* message);

// The next message of the given types on the bus; fails the test and returns null if none comes.
MessagePtr next_message(GstBus* bus, GstMessageType types);

// An element on a bus of its own, with a harness around it once play() was called.
class Player {
 public:
  Player();
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  GstElement* element() const { return element_.get(); }
  GstBus* bus() const { return bus_.get(); }
  GstHarness* harness() const { return harness_.get(); }

  // Brings the element to PLAYING in a harness that sends frames of `info`.
  void play(const GstVideoInfo& info);

  // Sends caps of another format or size.
  void change_caps(const GstVideoInfo& info);

  // Sends a frame and returns what comes out; null if nothing did.
  BufferPtr repaint(BufferPtr frame);
  Pixels repaint(const Pixels& pixels);

  // Sends frames until one comes out painted with the style value. Returns whether that happened.
  bool becomes_painted_with(int style_value);

 private:
  void leave_harness();

  GstVideoInfo info_;
  BusPtr bus_;
  ElementPtr element_;
  HarnessPtr harness_;
};

// Sets the core library that elements open when they leave NULL.
void use_core(const char* path);

}  // namespace adainstyle::test
