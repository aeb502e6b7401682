// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <gst/gst.h>
#include <CLI/CLI.hpp>

// How to paint: the adainstyle element's properties.
struct PaintOptions {
  std::string style;
  double strength = 1;
  int style_size = 512;
  std::string model;  // empty: the installed one
  std::string device = "auto";
  std::string precision = "auto";
  int threads = 0;
};

// Options of the command line for all but the style.
void add_paint_options(CLI::App& app, PaintOptions& options);

// Throws std::runtime_error where the style cannot be read.
void set_paint_options(GstElement* painter, const PaintOptions& options);
