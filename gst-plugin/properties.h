// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <gst/gst.h>

#include "adainstyle/stylizer.h"
#include "style_switcher.h"

G_BEGIN_DECLS

#define GST_TYPE_ADAIN_STYLE_PRECISION (gst_adain_style_precision_get_type())
GType gst_adain_style_precision_get_type(void);

#define GST_TYPE_ADAIN_STYLE_PRESERVE_COLOR (gst_adain_style_preserve_color_get_type())
GType gst_adain_style_preserve_color_get_type(void);

G_END_DECLS

namespace adainstyle::gst {

// What the user set: the element's properties as values. Defaults are those that gst-inspect shows.
struct Settings {
  std::string style_image;
  std::vector<std::string> style_images;  // not empty: used instead of style_image
  int style_size = 512;
  StyleShares shares;
  float strength = 1.0f;
  std::uint64_t transition_ns = 500'000'000;
  unsigned smoothing_ms = 0;
  PreserveColor preserve_color = PreserveColor::kNone;
  float stabilization = 0.0f;
  bool static_skip = false;
  std::string mask;        // empty: none
  std::string mask_style;  // empty: the frame as it is
  float mask_feather = 0.02f;
  int processing_height = 0;
  StylizerOptions stylizer;  // may change in READY and below only

  StyleSource style_source() const;
  StyleSources sources() const;  // of everything that is loaded
};

// When a property that was written takes effect.
enum class Effect {
  kUnknownProperty,
  kNextFrame,
  kNewStyle,
  kNewOutside,  // the style outside of the mask
  kNewStyles,   // both of them
  kNewMask,
  kNextStart
};

// Adds the properties to the element's class.
void install_properties(GObjectClass* object_class);

Effect write_property(Settings& settings, guint id, const GValue* value);

// Returns whether `id` is one of the properties.
bool read_property(const Settings& settings, guint id, GValue* value);

// The read-only property `stats`, whose value is no setting.
constexpr guint kStatsProperty = 100;

}  // namespace adainstyle::gst
