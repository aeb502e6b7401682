// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <list>
#include <mutex>

#include "frames.h"

namespace relay {

// Where a camera's encoded frames go: the pipelines that serve viewers or publish, which come and go. All methods may be called
// on any thread.
class Outlets {
 public:
  // Asks the encoder for a picture that can be decoded by itself. Called whenever somebody begins to watch.
  using RequestKeyFrame = std::function<void()>;

  explicit Outlets(RequestKeyFrame request) : request_key_frame_(std::move(request)) {}

  // Feeds this appsrc from the next key frame on. It keeps a reference.
  void attach(GstElement* appsrc);
  void detach(GstElement* appsrc);

  // A viewer has joined those of an appsrc that is fed already.
  void request_key_frame() { request_key_frame_(); }

  // Gives an encoded frame to all. Never waits: an outlet that does not keep up loses frames.
  void push(GstSample* sample);

 private:
  struct Outlet {
    ObjectPtr<GstElement> appsrc;
    bool needs_key_frame;
  };

  const RequestKeyFrame request_key_frame_;
  std::mutex lock_;  // guards outlets_
  std::list<Outlet> outlets_;
};

// Makes an appsrc fit for attach(): it stamps frames as they arrive and drops the oldest where they are not taken.
void configure_outlet_source(GstElement* appsrc);

}  // namespace relay
