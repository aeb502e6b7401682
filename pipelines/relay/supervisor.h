// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include <gst/gst.h>

#include "../media.h"
#include "backoff.h"
#include "log.h"

namespace relay {

struct SourceDestroy {
  void operator()(GSource* source) const {
    g_source_destroy(source);
    g_source_unref(source);
  }
};
using SourcePtr = std::unique_ptr<GSource, SourceDestroy>;

// A timer on a context of one's own, which ends with the pointer.
SourcePtr add_timer(GMainContext* context, unsigned milliseconds, GSourceFunc function, gpointer data);

// When a pipeline counts as failed, and how soon it is built anew. Seconds.
struct SupervisorTimes {
  double retry_min = 0.5;
  double retry_max = 5;
  double first = 0;  // until the first sign of life; 0: no limit
  double stall = 0;  // from one sign of life to the next; 0: no limit
};

// Keeps one pipeline running for as long as the program runs: builds it, and builds it anew after an error, the end of its stream
// or too long a silence, each time after a wait (Backoff). Lives on one thread, that of its context, but for what says otherwise.
class Supervisor {
 public:
  // Makes the pipeline; not yet started. May throw std::exception.
  using Build = std::function<ObjectPtr<GstElement>()>;

  // what: names the pipeline in the log, for instance "camera".
  Supervisor(GMainContext* context, const Log& log, std::string what, const SupervisorTimes& times, Build build);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void start();
  void stop();

  // Ends a wait at once; a pipeline that runs is left alone.
  void retry_now();

  // A sign of life: the pipeline works. Any thread, at every frame.
  void alive();

  // The pipeline has shown a sign of life and has not failed since. Any thread.
  bool running() const { return running_; }

  // How often the pipeline was built anew. Any thread.
  unsigned restarts() const { return restarts_; }

  // Why it failed last; empty: it never did.
  const std::string& last_failure() const { return last_failure_; }

 private:
  void begin();
  void fail(const std::string& reason);
  void tear_down();
  void check_silence();
  void handle(GstMessage* message);

  GMainContext* const context_;
  const Log& log_;
  const std::string what_;
  const SupervisorTimes times_;
  const Build build_;
  Backoff backoff_;

  ObjectPtr<GstElement> pipeline_;
  SourcePtr bus_watch_;
  SourcePtr watchdog_;
  SourcePtr retry_;
  GstClockTime begun_ = 0;
  GstClockTime works_since_ = 0;  // 0: not yet
  std::atomic<GstClockTime> last_alive_{0};
  std::atomic<bool> running_{false};
  std::atomic<unsigned> restarts_{0};
  std::string last_failure_;
};

}  // namespace relay
