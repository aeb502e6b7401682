// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

#include "style_switcher.h"

namespace adainstyle::gst {

// Adds the signal
//   style-loaded (element, path, ok, error): a style was loaded, or could not be; error is NULL where ok is TRUE. Emitted on the
//   thread that loads styles, or on the one that starts the element for the first style.
void install_style_signal(GObjectClass* object_class);

// Emits the signal and posts the element message "adainstyle-style" with the fields path (gchar*; several are joined by commas),
// ok (gboolean), error (gchar*, NULL where ok) and name (gchar*, what it is kept under; NULL where it is used at once). What nobody
// asked for is reported only where it failed. For a mask the message's name is "adainstyle-mask", and there is no signal.
void announce_style(GstElement* element, const StyleReport& report) noexcept;

}  // namespace adainstyle::gst
