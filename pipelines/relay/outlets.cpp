// SPDX-License-Identifier: MIT
#include "outlets.h"

#include <algorithm>

namespace relay {
namespace {

// About two seconds of frames that a pipeline has not taken yet.
constexpr guint64 kMaxWaiting = 50;

}  // namespace

void configure_outlet_source(GstElement* appsrc) {
  g_object_set(appsrc, "format", GST_FORMAT_TIME, "is-live", TRUE, "do-timestamp", TRUE, "max-bytes", guint64{0}, "max-buffers",
               kMaxWaiting, nullptr);
  gst_util_set_object_arg(G_OBJECT(appsrc), "leaky-type", "downstream");
}

void Outlets::attach(GstElement* appsrc) {
  {
    const std::lock_guard guard(lock_);
    outlets_.push_back({ObjectPtr<GstElement>(GST_ELEMENT(gst_object_ref(appsrc))), true});
  }
  request_key_frame_();
}

void Outlets::detach(GstElement* appsrc) {
  const std::lock_guard guard(lock_);
  outlets_.remove_if([&](const Outlet& outlet) { return outlet.appsrc.get() == appsrc; });
}

void Outlets::push(GstSample* sample) {
  GstBuffer* frame = gst_sample_get_buffer(sample);
  const bool key_frame = !GST_BUFFER_FLAG_IS_SET(frame, GST_BUFFER_FLAG_DELTA_UNIT);
  bool refused = false;
  {
    const std::lock_guard guard(lock_);
    for (Outlet& outlet : outlets_) {
      if (outlet.needs_key_frame && !key_frame) continue;
      // A frame without a time is given one by the clock of the pipeline that it comes to.
      const BufferPtr own = restamped(frame, GST_CLOCK_TIME_NONE);
      const SamplePtr copy(gst_sample_new(own.get(), gst_sample_get_caps(sample), nullptr, nullptr));
      outlet.needs_key_frame = gst_app_src_push_sample(GST_APP_SRC(outlet.appsrc.get()), copy.get()) != GST_FLOW_OK;
      refused = refused || outlet.needs_key_frame;
    }
  }
  // A pipeline that is still being started refuses frames, and must not have to wait for the encoder's next key frame.
  if (refused) request_key_frame_();
}

}  // namespace relay
