// SPDX-License-Identifier: MIT
#pragma once

#include <gst/base/gstbasetransform.h>

namespace adainstyle::gst {

// The part of the element that agrees with its neighbours on caps, memory and metas. Adds the pad templates and the virtual functions
// for it to the element's class.
void install_negotiation(GstBaseTransformClass* transform_class);

}  // namespace adainstyle::gst
