// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include <gst/gst.h>

#include "adainstyle/stylizer.h"

namespace adainstyle::gst {

// The value of the property `stats`: a new structure "adainstyle-stats" with the fields
//   frames, dropped, scene-cuts   guint64   painted; skipped because they were late; seen while smoothing or matching colours
//   device, precision             gchar*    "cpu" or "cuda:N"; "fp32", "bf16" or "fp16"
//   memory                        guint64   bytes of weights (shared with other elements of the same model) and buffers
//   painted-share                 gdouble   mean share of the frame that was painted; below 1 with static-skip only
//   STAGE-mean, STAGE-p95         gdouble   milliseconds of the last 256 frames; STAGE is convert, encode, adain, decode, finish or
//                                           total (StylizerTimings)
// stylizer: null where the element is not running; only `dropped` is there then.
GstStructure* make_stats(const Stylizer* stylizer, std::uint64_t dropped);

}  // namespace adainstyle::gst
