// SPDX-License-Identifier: MIT
#include "player.h"

#include <cstdio>
#include <stdexcept>

namespace {

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

Player::Player(const PlayerOptions& options) : frames_(options.frames), input_(options.input) {
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
}

Player::~Player() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

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
  if (self->frames_ > 0 && self->progress_.frames() >= self->frames_) self->loop_.quit();
  return GST_PAD_PROBE_OK;
}

void Player::run() {
  std::string failure;
  LoopHandlers handlers;
  handlers.error = [&](GstMessage* message) {
    const bool of_input = !input_.empty() && !comes_from(message, "adainstyle");
    failure = of_input ? input_ + ": " + error_text_with_answer(message) : error_text(message);
  };
  handlers.signal = [this] { loop_.quit(); };
  handlers.tick = [this] { progress_.show(0); };
  loop_.run(pipeline_.get(), handlers);
  progress_.clear();
  if (!failure.empty()) throw std::runtime_error(failure);
  if (progress_.frames() == 0) throw std::runtime_error((input_.empty() ? "" : input_ + ": ") + "No frame came.");
}
