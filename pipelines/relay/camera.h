// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "camera_input.h"
#include "encoder.h"
#include "log.h"
#include "outlets.h"
#include "painter.h"
#include "settings.h"
#include "supervisor.h"

namespace relay {

// What a camera does right now, and what it has done since the program began.
struct CameraStatus {
  std::string name;
  bool connected = false;  // pictures arrive
  bool painting = false;   // and are painted
  bool publishing = false;
  double fps = 0;       // painted frames a second, over the last seconds
  double delay_ms = 0;  // decoded to encoded, mean over the last seconds
  double delay_worst_ms = 0;
  std::uint64_t decoded = 0;  // frames
  std::uint64_t painted = 0;
  std::uint64_t dropped = 0;   // decoded but not painted: the machine is too slow for them
  std::uint64_t repeated = 0;  // served again for want of a new one
  unsigned restarts = 0;       // of the connection to the camera
  unsigned painter_restarts = 0;
  unsigned publish_restarts = 0;
  std::string last_error;  // empty: there was none
};

// One camera from its URL to encoded frames. It has a thread of its own, on which its pipelines are built and torn down, so that
// whatever happens to it no other camera waits.
//
//   camera input -> painter -> encoder -> outlets (viewers, publisher)
//
// Each arrow is a handover of frames between pipelines with lives of their own: the input comes and goes with the camera, the
// painter stays, and the encoder never stops.
class Camera {
 public:
  explicit Camera(CameraSettings settings);
  ~Camera();
  Camera(const Camera&) = delete;
  Camera& operator=(const Camera&) = delete;

  void start();

  // Returns at once; join() waits for the end.
  void request_stop();
  void join();

  // Takes over style, style size and strength, which are loaded anew even where their names have not changed. Returns at once.
  void restyle(const CameraSettings& settings);

  const CameraSettings& settings() const { return settings_; }
  const std::string& name() const { return settings_.name; }
  Outlets& outlets() { return outlets_; }
  const Log& log() const { return log_; }
  CameraStatus status() const;

 private:
  void post(GSourceFunc function, gpointer data);
  void run();
  void tick();
  void measure();
  ObjectPtr<GstElement> build_input();
  ObjectPtr<GstElement> build_publisher();
  void take_painted(SamplePtr sample);

  CameraSettings settings_;
  const Log log_;
  InputCounts input_counts_;
  std::atomic<std::uint64_t> painted_{0};
  Outlets outlets_;
  Encoder encoder_;
  Painter painter_;

  GMainContext* const context_;
  GMainLoop* const loop_;
  // Used on the camera's thread only, but for what Supervisor allows to others.
  Supervisor encoding_;
  Supervisor painting_;
  Supervisor input_;
  std::optional<Supervisor> publishing_;
  ObjectPtr<GstElement> publish_source_;
  GstClockTime measured_at_ = 0;
  std::uint64_t measured_painted_ = 0;

  mutable std::mutex lock_;  // guards status_
  CameraStatus status_;
  std::thread thread_;
};

}  // namespace relay
