// SPDX-License-Identifier: MIT
#include "player.h"

#include <csignal>
#include <cstdio>
#include <stdexcept>

#include <glib-unix.h>

namespace {

constexpr guint kProgressIntervalMs = 500;
constexpr std::size_t kMaxTimes = 1'000'000;

std::string description(const PlayerOptions& options) {
  const std::string queue =
      options.live ? "queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0" : "queue max-size-buffers=3";
  return options.source + " ! " + queue +
         " ! videoconvertscale add-borders=true ! video/x-raw,width=" + std::to_string(options.width) +
         ",height=" + std::to_string(options.height) +
         ",pixel-aspect-ratio=1/1 ! videoconvert ! adainstyle name=painter ! videoconvert ! " + options.sink;
}

}  // namespace

void add_player_options(CLI::App& app, PlayerOptions& options) {
  const std::function<void(const std::string&)> take_size = [&options](const std::string& text) {
    char rest = 0;
    if (std::sscanf(text.c_str(), "%dx%d%c", &options.width, &options.height, &rest) != 2 || options.width < 16 ||
        options.height < 16 || options.width > 8192 || options.height > 8192) {
      throw CLI::ValidationError("--size", "WIDTHxHEIGHT is needed, from 16x16 to 8192x8192");
    }
  };
  app.add_option_function("--size", take_size, "WIDTHxHEIGHT to paint (default 640x360); other shapes get borders");
  app.add_option("--frames", options.frames, "End after so many painted frames")->check(CLI::Range(1L, 1'000'000'000L));
  add_paint_options(app, options.paint);
}

Player::Player(const PlayerOptions& options) : frames_(options.frames), loop_(nullptr) {
  GError* error = nullptr;
  pipeline_.reset(gst_parse_launch(description(options).c_str(), &error));
  if (pipeline_) gst_object_ref_sink(pipeline_.get());
  if (error != nullptr) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error(reason +
                             ". Where an element is missing, scripts/setup.sh installs it; adainstyle itself is found once this "
                             "project is installed, or under `meson devenv -C build`.");
  }
  const ObjectPtr<GstElement> painter = element("painter");
  set_paint_options(painter.get(), options.paint);
  const ObjectPtr<GstPad> in(gst_element_get_static_pad(painter.get(), "sink"));
  const ObjectPtr<GstPad> out(gst_element_get_static_pad(painter.get(), "src"));
  gst_pad_add_probe(in.get(), GST_PAD_PROBE_TYPE_BUFFER, on_entry, this, nullptr);
  gst_pad_add_probe(out.get(), GST_PAD_PROBE_TYPE_BUFFER, on_painted, this, nullptr);
  loop_ = g_main_loop_new(nullptr, FALSE);
}

Player::~Player() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  g_main_loop_unref(loop_);
}

ObjectPtr<GstElement> Player::element(const std::string& name) const {
  return ObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name.c_str()));
}

std::vector<double> Player::paint_times() const {
  const std::lock_guard guard(lock_);
  return times_;
}

GstPadProbeReturn Player::on_entry(GstPad*, GstPadProbeInfo*, gpointer self) {
  static_cast<Player*>(self)->entered_ = gst_util_get_timestamp();
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Player::on_painted(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* self = static_cast<Player*>(data);
  const GstClockTime time = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
  self->progress_.frame_done(GST_CLOCK_TIME_IS_VALID(time) ? static_cast<std::int64_t>(time) : 0);
  {
    const std::lock_guard guard(self->lock_);
    if (self->times_.size() < kMaxTimes) {
      self->times_.push_back(static_cast<double>(gst_util_get_timestamp() - self->entered_) / GST_SECOND);
    }
  }
  if (self->frames_ > 0 && self->progress_.frames() >= self->frames_) g_main_loop_quit(self->loop_);
  return GST_PAD_PROBE_OK;
}

gboolean Player::on_stop(gpointer self) {
  g_main_loop_quit(static_cast<Player*>(self)->loop_);
  return G_SOURCE_CONTINUE;
}

gboolean Player::on_tick(gpointer self) {
  static_cast<Player*>(self)->progress_.show(0);
  return G_SOURCE_CONTINUE;
}

gboolean Player::on_message(GstBus*, GstMessage* message, gpointer data) {
  auto* self = static_cast<Player*>(data);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_LATENCY) {
    gst_bin_recalculate_latency(GST_BIN(self->pipeline_.get()));
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    g_main_loop_quit(self->loop_);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    // The first error is the cause, the others are its consequences.
    if (self->failure_.empty()) self->failure_ = error_text(message);
    g_main_loop_quit(self->loop_);
  }
  return G_SOURCE_CONTINUE;
}

void Player::run() {
  const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline_.get()));
  gst_bus_add_watch(bus.get(), on_message, this);
  const guint sources[] = {g_unix_signal_add(SIGINT, on_stop, this), g_unix_signal_add(SIGTERM, on_stop, this),
                           g_timeout_add(kProgressIntervalMs, on_tick, this)};
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  g_main_loop_run(loop_);
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  gst_bus_remove_watch(bus.get());
  for (const guint source : sources) g_source_remove(source);
  progress_.clear();
  if (!failure_.empty()) throw std::runtime_error(failure_);
  if (progress_.frames() == 0) throw std::runtime_error("No frame came.");
}
