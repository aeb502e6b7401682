// SPDX-License-Identifier: MIT
#include "stats.h"

#include <string>

namespace adainstyle::gst {
namespace {

const char* precision_name(Precision precision) {
  switch (precision) {
    case Precision::kFp32: return "fp32";
    case Precision::kBf16: return "bf16";
    case Precision::kFp16: return "fp16";
    case Precision::kAuto: break;
  }
  return "auto";
}

void set_timing(GstStructure* stats, const std::string& stage, const Timing& timing) {
  gst_structure_set(stats, (stage + "-mean").c_str(), G_TYPE_DOUBLE, timing.mean, (stage + "-p95").c_str(), G_TYPE_DOUBLE,
                    timing.percentile_95, nullptr);
}

}  // namespace

GstStructure* make_stats(const Stylizer* stylizer, std::uint64_t dropped) {
  GstStructure* stats = gst_structure_new("adainstyle-stats", "dropped", G_TYPE_UINT64, static_cast<guint64>(dropped), nullptr);
  if (stylizer == nullptr) return stats;
  const StylizerTimings timings = stylizer->timings();
  const StylizerInfo info = stylizer->info();
  gst_structure_set(stats, "frames", G_TYPE_UINT64, static_cast<guint64>(timings.frames), "scene-cuts", G_TYPE_UINT64,
                    static_cast<guint64>(timings.scene_cuts), "device", G_TYPE_STRING, info.device.c_str(), "precision",
                    G_TYPE_STRING, precision_name(info.precision), "memory", G_TYPE_UINT64,
                    static_cast<guint64>(info.weight_bytes + info.workspace_bytes), "tiles", G_TYPE_INT, info.tiles, nullptr);
  gst_structure_set(stats, "painted-share", G_TYPE_DOUBLE, timings.painted_share, nullptr);
  set_timing(stats, "convert", timings.convert);
  set_timing(stats, "encode", timings.encode);
  set_timing(stats, "adain", timings.adain);
  set_timing(stats, "decode", timings.decode);
  set_timing(stats, "finish", timings.finish);
  set_timing(stats, "total", timings.total);
  return stats;
}

}  // namespace adainstyle::gst
