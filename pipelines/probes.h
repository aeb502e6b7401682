// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

// Pad probes of stylize-file.

// Cuts one row or column off frames of odd sizes, which 4:2:0 cannot store; nothing is scaled.
// For events of the sink pad of the videocrop `crop`.
GstPadProbeReturn make_even(GstPad* pad, GstPadProbeInfo* info, gpointer crop);

// Demuxers hand out lines of text as Pango markup, muxers take plain text: that differs in the escaped characters. Tags such as
// <i> stay, since players know them.
// For buffers.
GstPadProbeReturn unescape_text(GstPad* pad, GstPadProbeInfo* info, gpointer unused);
