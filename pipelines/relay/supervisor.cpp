// SPDX-License-Identifier: MIT
#include "supervisor.h"

#include <exception>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace relay {
namespace {

constexpr unsigned kWatchdogMs = 200;

// A camera that answers and dies at once, again and again, must not be asked twice a second for weeks: only a run of this length
// counts as a success.
constexpr GstClockTime kSuccess = 2 * GST_SECOND;

GstClockTime to_time(double seconds) { return static_cast<GstClockTime>(seconds * GST_SECOND); }

std::string source_name(GstMessage* message) {
  return GST_MESSAGE_SRC(message) != nullptr ? GST_OBJECT_NAME(GST_MESSAGE_SRC(message)) : "?";
}

std::string warning_text(GstMessage* message) {
  GError* error = nullptr;
  gst_message_parse_warning(message, &error, nullptr);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

// Every pipeline's threads take memory from arenas of their own, and what they free stays with glibc in pieces between what is still in
// use: half a megabyte for each connection to a camera, if nobody asks for it.
void give_memory_back() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace

SourcePtr add_timer(GMainContext* context, unsigned milliseconds, GSourceFunc function, gpointer data) {
  SourcePtr source(g_timeout_source_new(milliseconds));
  g_source_set_callback(source.get(), function, data, nullptr);
  g_source_attach(source.get(), context);
  return source;
}

Supervisor::Supervisor(GMainContext* context, const Log& log, std::string what, const SupervisorTimes& times, Build build)
    : context_(context),
      log_(log),
      what_(std::move(what)),
      times_(times),
      build_(std::move(build)),
      backoff_(times.retry_min, times.retry_max, what_) {}

Supervisor::~Supervisor() { stop(); }

void Supervisor::start() {
  const auto tick = [](gpointer self) -> gboolean {
    static_cast<Supervisor*>(self)->check_silence();
    return G_SOURCE_CONTINUE;
  };
  watchdog_ = add_timer(context_, kWatchdogMs, tick, this);
  begin();
}

void Supervisor::stop() {
  watchdog_.reset();
  retry_.reset();
  tear_down();
}

void Supervisor::retry_now() {
  if (!retry_) return;
  retry_.reset();
  begin();
}

void Supervisor::alive() {
  last_alive_ = gst_util_get_timestamp();
  running_ = true;
}

void Supervisor::begin() {
  begun_ = gst_util_get_timestamp();
  works_since_ = 0;
  last_alive_ = 0;
  try {
    pipeline_ = build_();
  } catch (const std::exception& error) {
    fail(error.what());
    return;
  }
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  bus_watch_.reset(gst_bus_create_watch(bus.get()));
  const GstBusFunc on_message = [](GstBus*, GstMessage* message, gpointer self) -> gboolean {
    static_cast<Supervisor*>(self)->handle(message);
    return G_SOURCE_CONTINUE;
  };
  g_source_set_callback(bus_watch_.get(), G_SOURCE_FUNC(on_message), this, nullptr);
  g_source_attach(bus_watch_.get(), context_);
  // An element that refuses the state says why on the bus.
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

void Supervisor::tear_down() {
  bus_watch_.reset();
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  pipeline_.reset();
  running_ = false;
  give_memory_back();
}

void Supervisor::fail(const std::string& reason) {
  const GstClockTime now = gst_util_get_timestamp();
  if (works_since_ != 0 && now - works_since_ >= kSuccess) backoff_.reset();
  const double wait = backoff_.next();
  last_failure_ = reason;
  log_.warning("%s: %s; next attempt in %.1f s", what_.c_str(), reason.c_str(), wait);
  tear_down();
  const auto again = [](gpointer self) -> gboolean {
    auto* supervisor = static_cast<Supervisor*>(self);
    ++supervisor->restarts_;
    supervisor->retry_.reset();
    supervisor->begin();
    return G_SOURCE_REMOVE;
  };
  retry_ = add_timer(context_, static_cast<unsigned>(wait * 1000), again, this);
}

void Supervisor::check_silence() {
  if (!pipeline_) return;
  const GstClockTime now = gst_util_get_timestamp();
  const GstClockTime last = last_alive_;
  if (last == 0) {
    if (times_.first > 0 && now - begun_ > to_time(times_.first)) fail("nothing came within the time allowed");
    return;
  }
  if (works_since_ == 0) {
    works_since_ = last;
    log_.info("%s: running, after %.2f s", what_.c_str(), static_cast<double>(last - begun_) / GST_SECOND);
  }
  if (times_.stall > 0 && now > last && now - last > to_time(times_.stall)) fail("it stands still");
}

void Supervisor::handle(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: fail(source_name(message) + " says: " + error_text_with_answer(message)); break;
    case GST_MESSAGE_EOS: fail("the stream has ended"); break;
    case GST_MESSAGE_WARNING:
      log_.warning("%s: %s says: %s", what_.c_str(), source_name(message).c_str(), warning_text(message).c_str());
      break;
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name(message, "GstRTSPSrcTimeout")) fail("no packets arrive");
      break;
    default: break;
  }
}

}  // namespace relay
