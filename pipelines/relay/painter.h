// SPDX-License-Identifier: MIT
#pragma once

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

  // Waits until the frame before is being painted; drops the frame while no pipeline runs. Any thread.
  void push(SamplePtr sample);

  // Sets style, style size and strength while playing. On the thread that builds.
  void restyle(const CameraSettings& settings);

 private:
  const SampleHandler painted_;
  ObjectPtr<GstElement> element_;  // adainstyle, of the pipeline built last
  std::mutex lock_;                // guards entry_
  ObjectPtr<GstElement> entry_;    // of the pipeline that ran last; null: none has yet
};

}  // namespace relay
