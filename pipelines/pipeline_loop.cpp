// SPDX-License-Identifier: MIT
#include "pipeline_loop.h"

#include <csignal>
#include <vector>

#include <glib-unix.h>

#include "media.h"

namespace {

gboolean call(gpointer function) {
  (*static_cast<const std::function<void()>*>(function))();
  return G_SOURCE_CONTINUE;
}

gpointer data_of(const std::function<void()>& function) { return const_cast<std::function<void()>*>(&function); }

}  // namespace

// By way of the context: a frame may be done before the loop runs, and g_main_loop_quit() would be lost then.
void PipelineLoop::quit() {
  const auto quit_now = [](gpointer loop) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop*>(loop));
    return G_SOURCE_REMOVE;
  };
  const auto unref = [](gpointer loop) { g_main_loop_unref(static_cast<GMainLoop*>(loop)); };
  g_idle_add_full(G_PRIORITY_DEFAULT, quit_now, g_main_loop_ref(loop_), unref);
}

gboolean PipelineLoop::on_message(GstBus*, GstMessage* message, gpointer data) {
  auto* self = static_cast<PipelineLoop*>(data);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_EOS: self->quit(); break;
    case GST_MESSAGE_ERROR:
      if (!self->failed_ && self->handlers_->error) self->handlers_->error(message);
      self->failed_ = true;
      self->quit();
      break;
    case GST_MESSAGE_LATENCY: gst_bin_recalculate_latency(GST_BIN(self->pipeline_)); break;
    case GST_MESSAGE_ELEMENT:
      if (self->handlers_->element) self->handlers_->element(message);
      break;
    default: break;
  }
  return G_SOURCE_CONTINUE;
}

void PipelineLoop::run(GstElement* pipeline, const LoopHandlers& handlers) {
  pipeline_ = pipeline;
  handlers_ = &handlers;
  failed_ = false;
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline));
  gst_bus_add_watch(bus.get(), on_message, this);
  std::vector<guint> sources;
  if (handlers.signal) {
    for (const int number : {SIGINT, SIGTERM}) sources.push_back(g_unix_signal_add(number, call, data_of(handlers.signal)));
  }
  if (handlers.tick) sources.push_back(g_timeout_add(handlers.tick_ms, call, data_of(handlers.tick)));
  // A state change that fails also posts an error message, which says why.
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_main_loop_run(loop_);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(bus.get());
  for (const guint source : sources) g_source_remove(source);
}
