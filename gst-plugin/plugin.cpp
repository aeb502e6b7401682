// SPDX-License-Identifier: MIT
#include <gst/gst.h>

#include "adainstyle_element.h"

#define PACKAGE "adainstyle"

// Runs in the plugin scanner too: it registers the element and touches neither LibTorch nor CUDA.
static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(adainstyle, plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, adainstyle, "Style transfer with Adaptive Instance Normalisation",
                  plugin_init, ADAINSTYLE_VERSION, "MIT/X11", "adainstyle", "adainstyle")
