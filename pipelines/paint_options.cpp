// SPDX-License-Identifier: MIT
#include "paint_options.h"

#include "media.h"

void add_paint_options(CLI::App& app, PaintOptions& options) {
  app.add_option("--strength", options.strength, "How far to go to the style, 0 to 1")->check(CLI::Range(0.0, 1.0));
  app.add_option("--style-size", options.style_size, "Short side in pixels that the style is resized to (0: as it is)")
      ->check(CLI::Range(0, 4096));
  app.add_option("--model", options.model, "Model file (default: the installed one)");
  app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N");
  app.add_option("--precision", options.precision, "Number format")->check(CLI::IsMember({"auto", "fp32", "bf16", "fp16"}));
  app.add_option("--threads", options.threads, "CPU threads a frame (0: one for each core)")->check(CLI::Range(0, 1024));
}

void set_paint_options(GstElement* painter, const PaintOptions& options) {
  uri_of_readable_file(options.style);
  g_object_set(painter, "style-image", options.style.c_str(), "strength", options.strength, "style-size", options.style_size,
               "device", options.device.c_str(), "threads", options.threads, nullptr);
  if (!options.model.empty()) g_object_set(painter, "model", options.model.c_str(), nullptr);
  gst_util_set_object_arg(G_OBJECT(painter), "precision", options.precision.c_str());
}
