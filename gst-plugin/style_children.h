// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_ADAIN_STYLE_CHILD (gst_adain_style_child_get_type())
G_DECLARE_FINAL_TYPE(GstAdainStyleChild, gst_adain_style_child, GST, ADAIN_STYLE_CHILD, GstObject)

G_END_DECLS

namespace adainstyle::gst {

// Note [Style children]
// Control bindings set properties of one number each, so that an array like style-weights cannot be animated. As a mixer has a pad
// with properties for each input, the element has a child (GstChildProxy) for each picture of style-images, `style-0`, `style-1` and so
// on, with its path (read only) and its weight (controllable). A child holds nothing: the weight it shows and sets is that place in
// style-weights.

// For G_IMPLEMENT_INTERFACE. A preset leaves the children out, which hold nothing.
void init_child_proxy(gpointer interface, gpointer data);
void init_preset(gpointer interface, gpointer data);

// Adds and removes children until there is one for each of style-images. Without the state's lock.
void fit_children(GstElement* element) noexcept;

// Lets all children go when the element ends, which nobody is told.
void drop_children(GstElement* element) noexcept;

// Lets the children's control bindings set what they hold at a stream time.
void sync_children(GstElement* element, GstClockTime time) noexcept;

}  // namespace adainstyle::gst
