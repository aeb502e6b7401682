// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include <gst/gst.h>

namespace adainstyle::test {

struct GstRelease {
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
  void operator()(GstMessage* message) const { gst_message_unref(message); }
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
  void operator()(GError* error) const { g_error_free(error); }
};
template <typename T>
using GstPtr = std::unique_ptr<T, GstRelease>;

}  // namespace adainstyle::test
