// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>

#include "frames.h"
#include "settings.h"

namespace relay {

// Delay of frames, from decoded to encoded, since the last look at it.
struct Delay {
  double mean_ms = 0;
  double worst_ms = 0;
};

// The encoding: a pipeline that never learns of what happens to the camera. It takes painted frames as they come, and where none
// comes for a while it repeats the last one, or shows the slate, so that viewers and those who join always get a picture.
class Encoder {
 public:
  // encoded: gets H.264 (byte stream, access units) or JPEG samples.
  Encoder(const CameraSettings& settings, SampleHandler encoded);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // Makes the pipeline; the one before must be stopped and gone.
  ObjectPtr<GstElement> build();

  // A painted frame (I420) whose time is that of its decoding. Any thread; never waits.
  void push(SamplePtr sample);

  // Repeats the last frame if nothing has come for a fifth of a second. To be called more often than that.
  // camera_works: whether new frames can be expected; the slate takes the last frame's place when none can for `hold` seconds.
  void fill(bool camera_works);

  void request_key_frame();

  std::uint64_t repeated() const { return repeated_; }
  std::uint64_t encoded() const { return encoded_frames_; }

  // Forgets what it returns.
  Delay take_delay();

 private:
  struct InFlight {
    GstClockTime time;     // the encoder's
    GstClockTime decoded;  // when the frame was decoded
  };

  void submit(GstBuffer* frame, GstClockTime decoded, GstClockTime now);
  void take_encoded(SamplePtr sample);
  void measure(GstClockTime time);

  const CameraSettings& settings_;
  const SampleHandler encoded_;
  const BufferPtr slate_;

  std::mutex lock_;  // guards what follows, to delay_count_
  ObjectPtr<GstElement> entry_;
  ObjectPtr<GstElement> exit_;
  GstClockTime began_ = 0;
  BufferPtr last_frame_;
  GstClockTime last_push_ = 0;     // of any frame
  GstClockTime last_painted_ = 0;  // of a frame from the camera; 0: none yet
  std::deque<InFlight> in_flight_;
  double delay_sum_ms_ = 0;
  double delay_worst_ms_ = 0;
  unsigned delay_count_ = 0;

  std::atomic<std::uint64_t> repeated_{0};
  std::atomic<std::uint64_t> encoded_frames_{0};
};

}  // namespace relay
