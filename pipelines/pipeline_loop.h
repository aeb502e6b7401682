// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include <gst/gst.h>

// What a program does while its pipeline plays; all are called on the thread of PipelineLoop::run(). Those left empty are not.
struct LoopHandlers {
  std::function<void(GstMessage*)> error;    // of the first error, which ends the loop: it is the cause of those that follow
  std::function<void(GstMessage*)> element;  // of an element's own messages
  std::function<void()> signal;              // SIGINT or SIGTERM has come
  std::function<void()> tick;                // every tick_ms
  unsigned tick_ms = 500;
};

// Plays one pipeline on the default main context.
class PipelineLoop {
 public:
  PipelineLoop() : loop_(g_main_loop_new(nullptr, FALSE)) {}
  ~PipelineLoop() { g_main_loop_unref(loop_); }
  PipelineLoop(const PipelineLoop&) = delete;
  PipelineLoop& operator=(const PipelineLoop&) = delete;

  // Sets the pipeline playing and returns when its stream has ended, it has failed or quit() was called. It is stopped then.
  void run(GstElement* pipeline, const LoopHandlers& handlers);

  // Any thread. A call just before run() ends it too.
  void quit();

 private:
  static gboolean on_message(GstBus* bus, GstMessage* message, gpointer self);

  GMainLoop* loop_;
  GstElement* pipeline_ = nullptr;          // of the run that goes on
  const LoopHandlers* handlers_ = nullptr;  // likewise
  bool failed_ = false;
};
