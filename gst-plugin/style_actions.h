// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

namespace adainstyle::gst {

// Adds the action signals to the element's class:
//   gboolean preload-style (name, path): loads a style picture in the background and keeps it under the name until the element stops;
//   another of that name replaces it. FALSE where the element is not at least PAUSED. The result is announced like that of any other
//   style (style_messages.h).
//   gboolean use-style (name): switches to a style that is kept, from the next frame on. FALSE where none is kept under the name.
void install_actions(GObjectClass* object_class);

}  // namespace adainstyle::gst
