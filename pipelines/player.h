// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "media.h"
#include "paint_options.h"
#include "pipeline_loop.h"
#include "progress.h"

// What webcam, rtsp-view and bench share: a pipeline that paints frames of one size and runs until its end, a number of frames or
// Ctrl-C.
struct PlayerOptions {
  std::string source;  // a description in gst-launch's language that ends in raw video
  std::string sink;    // likewise; begins with raw video
  std::string input;   // what errors that are not the painting's are said of; empty: nothing
  bool live = true;    // of a source that is faster than the painting only the newest frame is painted
  int width = 640;
  int height = 360;
  long frames = 0;  // 0: no limit
  PaintOptions paint;
};

// "--size WIDTHxHEIGHT", "--frames" and the options of painting.
void add_player_options(CLI::App& app, PlayerOptions& options);

class Player {
 public:
  // Throws std::runtime_error where the pipeline cannot be made.
  explicit Player(const PlayerOptions& options);
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // An element of the source's or the sink's description, by name.
  ObjectPtr<GstElement> element(const std::string& name) const;

  // Throws std::runtime_error with the first error, and where no frame was painted. Prints progress on standard error.
  void run();

  const Progress& progress() const { return progress_; }

  // Seconds that each painted frame took in the element, in order.
  std::vector<double> paint_times() const;

 private:
  static GstPadProbeReturn on_entry(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static GstPadProbeReturn on_painted(GstPad* pad, GstPadProbeInfo* info, gpointer self);

  const long frames_;
  const std::string input_;
  ObjectPtr<GstElement> pipeline_;
  PipelineLoop loop_;
  Progress progress_;
  GstClockTime entered_ = 0;  // the painter's thread
  mutable std::mutex lock_;   // guards times_
  std::vector<double> times_;
};
