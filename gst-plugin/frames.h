// SPDX-License-Identifier: MIT
#pragma once

#include <gst/base/gstbasetransform.h>

namespace adainstyle::gst {

// The streaming thread's part of the element: what happens to each frame. Adds the virtual functions for it to the element's class.
void install_frames(GstBaseTransformClass* transform_class);

}  // namespace adainstyle::gst
