// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <gst/gst.h>

#include "adainstyle/stylizer.h"
#include "style_loader.h"

G_BEGIN_DECLS

#define GST_TYPE_ADAIN_STYLE_PRECISION (gst_adain_style_precision_get_type())
GType gst_adain_style_precision_get_type(void);

G_END_DECLS

namespace adainstyle::gst {

// What the user set: the element's properties as values. Defaults are those that gst-inspect shows.
struct Settings {
  StyleRequest style = {"", 512};
  float strength = 1.0f;
  StylizerOptions stylizer;  // may change in READY and below only
};

// When a property that was written takes effect.
enum class Effect { kUnknownProperty, kNextFrame, kNewStyle, kNextStart };

// Adds the properties to the element's class.
void install_properties(GObjectClass* object_class);

Effect write_property(Settings& settings, guint id, const GValue* value);

// Returns whether `id` is one of the properties.
bool read_property(const Settings& settings, guint id, GValue* value);

}  // namespace adainstyle::gst
