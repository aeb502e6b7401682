// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "frames.h"
#include "settings.h"

namespace relay {

// The painting: a pipeline around the adainstyle element that lives on while cameras come and go, so that model and style are
// loaded once. Frames in are RGBx, frames out I420, of the same size and with the same presentation time.
class Painter {
 public:
  explicit Painter(SampleHandler painted) : painted_(std::move(painted)) {}

  // Makes the pipeline; the one before must be stopped and gone.
  ObjectPtr<GstElement> build(const CameraSettings& settings);

  // Takes the newest frame: it is painted as soon as the one before is done, unless a newer one takes its place until then. So no
  // frame waits for longer than one takes to paint. Never waits. Any thread.
  void push(SamplePtr sample);

  // Frames whose place was taken. Any thread.
  std::uint64_t dropped() const { return dropped_; }

  // Sets style, style size and strength while playing. On the thread that builds.
  void restyle(const CameraSettings& settings);

 private:
  const SampleHandler painted_;
  ObjectPtr<GstElement> element_;  // adainstyle, of the pipeline built last
  void feed(GstAppSrc* entry);

  std::atomic<std::uint64_t> dropped_{0};
  std::mutex lock_;              // guards what follows
  SamplePtr newest_;             // null: it is being painted already
  bool idle_ = false;            // the pipeline waits for a frame
  ObjectPtr<GstElement> entry_;  // of the pipeline that ran last; null: none has yet
};

}  // namespace relay
