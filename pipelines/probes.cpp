// SPDX-License-Identifier: MIT
#include "probes.h"

#include <cstring>
#include <string>

#include <gst/video/video.h>

GstPadProbeReturn make_even(GstPad*, GstPadProbeInfo* info, gpointer crop) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstVideoInfo video;
    if (gst_video_info_from_caps(&video, caps)) g_object_set(crop, "right", video.width % 2, "bottom", video.height % 2, nullptr);
  }
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn unescape_text(GstPad*, GstPadProbeInfo* info, gpointer) {
  constexpr const char* kEntities[][2] = {{"&lt;", "<"},  {"&gt;", ">"},    {"&apos;", "'"},
                                          {"&#39;", "'"}, {"&quot;", "\""}, {"&amp;", "&"}};
  GstBuffer* old = GST_PAD_PROBE_INFO_BUFFER(info);
  std::string text(gst_buffer_get_size(old), '\0');
  gst_buffer_extract(old, 0, text.data(), text.size());
  for (const auto& [entity, character] : kEntities) {
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at)
      text.replace(at, std::strlen(entity), character);
  }
  GstBuffer* plain = gst_buffer_new_memdup(text.data(), text.size());
  gst_buffer_copy_into(plain, old, GST_BUFFER_COPY_METADATA, 0, static_cast<gsize>(-1));
  gst_buffer_unref(old);
  info->data = plain;
  return GST_PAD_PROBE_OK;
}
