// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

namespace adainstyle::gst {

// Puts the pool for output frames in system memory first in the answered ALLOCATION query: downstream's, or a new one, with whatever
// padding it has if downstream can read it from a GstVideoMeta. Returns false where the query's caps are not of video.
bool decide_system_pool(GstElement* element, GstQuery* allocation);

}  // namespace adainstyle::gst
