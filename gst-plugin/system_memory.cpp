// SPDX-License-Identifier: MIT
#include "system_memory.h"

#include <gst/video/video.h>

namespace adainstyle::gst {

bool decide_system_pool(GstElement* element, GstQuery* allocation) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(allocation, &caps, nullptr);
  GstVideoInfo info;
  if (caps == nullptr || !gst_video_info_from_caps(&info, caps)) return false;

  GstBufferPool* pool = nullptr;
  guint size = 0, min = 0, max = 0;
  const bool offered = gst_query_get_n_allocation_pools(allocation) > 0;
  if (offered) gst_query_parse_nth_allocation_pool(allocation, 0, &pool, &size, &min, &max);
  if (pool == nullptr) pool = gst_video_buffer_pool_new();
  size = MAX(size, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)));

  GstStructure* config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, size, min, max);
  if (gst_query_find_allocation_meta(allocation, GST_VIDEO_META_API_TYPE, nullptr)) {
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  }
  // The base class sets the allocator and tries again, and replaces a pool that refuses.
  if (!gst_buffer_pool_set_config(pool, config)) GST_DEBUG_OBJECT(element, "%" GST_PTR_FORMAT " changed its configuration", pool);

  if (offered) {
    gst_query_set_nth_allocation_pool(allocation, 0, pool, size, min, max);
  } else {
    gst_query_add_allocation_pool(allocation, pool, size, min, max);
  }
  gst_object_unref(pool);
  return true;
}

}  // namespace adainstyle::gst
