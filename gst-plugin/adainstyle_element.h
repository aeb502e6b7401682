// SPDX-License-Identifier: MIT
#pragma once

#include <gst/base/gstbasetransform.h>
#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_ADAIN_STYLE (gst_adain_style_get_type())
G_DECLARE_FINAL_TYPE(GstAdainStyle, gst_adain_style, GST, ADAIN_STYLE, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(adainstyle)

G_END_DECLS
