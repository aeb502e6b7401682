// SPDX-License-Identifier: MIT
//
// live STYLE...: styles changed from the keyboard while a video plays. --help says the rest.
// Exit status: 0 done, 1 failed, 2 wrong usage.

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <glib-unix.h>
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>
#include <gst/gst.h>
#include <termios.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "media.h"
#include "pipeline_loop.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr guint kAutoStepMs = 400;
constexpr GstClockTime kFade = 2 * GST_SECOND;
constexpr char kAutoKeys[] = "2f+-c1cs21q";

// Single keys instead of lines, for as long as the object lives.
class RawTerminal {
 public:
  RawTerminal() {
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_ = {};
  bool changed_ = false;
};

class Live {
 public:
  Live(const std::string& input, const std::vector<std::string>& styles, bool automatic);
  ~Live();
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  int run();

 private:
  bool press(char key);
  bool switch_to(int style);
  void fade();
  void move_strength(float by);
  void toggle_colors();
  void print_stats();
  void take_style(GstMessage* message);

  static gboolean on_key(gint fd, GIOCondition condition, gpointer self);
  static gboolean on_auto_step(gpointer self);

  const std::vector<std::string> styles_;
  const bool automatic_;
  ObjectPtr<GstElement> pipeline_;
  ObjectPtr<GstElement> painter_;
  PipelineLoop loop_;
  bool preloaded_ = false;
  std::size_t auto_at_ = 0;
  std::string failure_;
};

Live::Live(const std::string& input, const std::vector<std::string>& styles, bool automatic)
    : styles_(styles), automatic_(automatic) {
  const std::string source = input.empty()
                                 ? "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=25/1"
                                 : "uridecodebin name=in";
  // The queue drops what the filter has no time for, so that what is seen stays live.
  const std::string line =
      source + " ! queue leaky=downstream max-size-buffers=2 ! videoconvert ! adainstyle name=painter ! videoconvert ! " +
      (automatic ? "fakesink sync=true" : window_sink());
  GError* error = nullptr;
  pipeline_.reset(gst_parse_launch(line.c_str(), &error));
  if (error != nullptr) {
    const std::string text = error->message;
    g_error_free(error);
    throw std::runtime_error("The pipeline cannot be built: " + text + ".");
  }
  gst_object_ref_sink(pipeline_.get());
  if (!input.empty()) {
    const ObjectPtr<GstElement> decoder(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "in"));
    g_object_set(decoder.get(), "uri", uri_of_readable_file(input).c_str(), nullptr);
  }
  painter_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "painter"));
  g_object_set(painter_.get(), "style-image", styles_.front().c_str(), "temporal-smoothing", 500u, nullptr);
}

Live::~Live() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

int Live::run() {
  LoopHandlers handlers;
  handlers.error = [this](GstMessage* message) { failure_ = error_text(message); };
  handlers.element = [this](GstMessage* message) { take_style(message); };
  handlers.signal = [this] { loop_.quit(); };
  const RawTerminal terminal;
  if (automatic_) {
    g_timeout_add(kAutoStepMs, on_auto_step, this);
  } else {
    g_unix_fd_add(STDIN_FILENO, G_IO_IN, on_key, this);
    std::puts("Keys: 1..9 style, f fade, + - strength, c colours, s statistics, q quit");
  }
  loop_.run(pipeline_.get(), handlers);
  if (failure_.empty()) return 0;
  std::fprintf(stderr, "live: %s\n", failure_.c_str());
  return kExitFailed;
}

// Returns whether it could be done.
bool Live::press(char key) {
  if (key >= '1' && key <= '9') return switch_to(key - '1');
  if (key == 'f') fade();
  if (key == '+') move_strength(0.1f);
  if (key == '-') move_strength(-0.1f);
  if (key == 'c') toggle_colors();
  if (key == 's') print_stats();
  if (key == 'q') loop_.quit();
  return true;
}

bool Live::switch_to(int style) {
  if (style >= static_cast<int>(styles_.size())) return false;
  gboolean ready = FALSE;
  g_signal_emit_by_name(painter_.get(), "use-style", std::to_string(style).c_str(), &ready);
  std::printf("%s%s\n", styles_[style].c_str(), ready ? "" : " is not ready yet");
  return ready;
}

// The controller follows the stream's time, whatever the speed of the machine.
void Live::fade() {
  gint64 now = 0;
  if (!gst_element_query_position(pipeline_.get(), GST_FORMAT_TIME, &now)) return;
  GstControlSource* source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
  auto* points = GST_TIMED_VALUE_CONTROL_SOURCE(source);
  gst_timed_value_control_source_set(points, static_cast<GstClockTime>(now), 0.0);
  gst_timed_value_control_source_set(points, static_cast<GstClockTime>(now) + kFade, 1.0);
  GstObject* painter = GST_OBJECT(painter_.get());
  gst_object_add_control_binding(painter, gst_direct_control_binding_new(painter, "strength", source));
  gst_object_unref(source);
  std::puts("fade");
}

// Takes the strength out of the controller's hands.
void Live::move_strength(float by) {
  GstObject* painter = GST_OBJECT(painter_.get());
  if (GstControlBinding* binding = gst_object_get_control_binding(painter, "strength")) {
    gst_object_remove_control_binding(painter, binding);
    gst_object_unref(binding);
  }
  gfloat strength = 0.0f;
  g_object_get(painter, "strength", &strength, nullptr);
  strength = std::clamp(strength + by, 0.0f, 1.0f);
  g_object_set(painter, "strength", strength, nullptr);
  std::printf("strength %.1f\n", static_cast<double>(strength));
}

void Live::toggle_colors() {
  gint now = 0;
  g_object_get(painter_.get(), "preserve-color", &now, nullptr);
  gst_util_set_object_arg(G_OBJECT(painter_.get()), "preserve-color", now == 0 ? "luma" : "none");
  std::puts(now == 0 ? "the frames' own colours" : "the style's colours");
}

void Live::print_stats() {
  GstStructure* stats = nullptr;
  g_object_get(painter_.get(), "stats", &stats, nullptr);
  gchar* text = gst_structure_to_string(stats);
  std::puts(text);
  g_free(text);
  gst_structure_free(stats);
}

void Live::take_style(GstMessage* message) {
  const GstStructure* fields = gst_message_get_structure(message);
  if (!gst_structure_has_name(fields, "adainstyle-style")) return;
  gboolean ok = FALSE;
  gst_structure_get_boolean(fields, "ok", &ok);
  if (!ok) std::printf("%s\n", gst_structure_get_string(fields, "error"));
  // The first style is there, so that the element is ready to load the others.
  if (std::exchange(preloaded_, true)) return;
  for (std::size_t i = 0; i < styles_.size(); ++i) {
    gboolean accepted = FALSE;
    g_signal_emit_by_name(painter_.get(), "preload-style", std::to_string(i).c_str(), styles_[i].c_str(), &accepted);
  }
}

gboolean Live::on_key(gint fd, GIOCondition, gpointer self) {
  char key = 0;
  if (read(fd, &key, 1) != 1) return G_SOURCE_REMOVE;
  static_cast<Live*>(self)->press(key);
  return G_SOURCE_CONTINUE;
}

gboolean Live::on_auto_step(gpointer self) {
  auto* live = static_cast<Live*>(self);
  if (live->auto_at_ + 1 >= sizeof kAutoKeys) return G_SOURCE_REMOVE;
  if (live->press(kAutoKeys[live->auto_at_])) ++live->auto_at_;  // a style that is not ready yet is tried again
  return G_SOURCE_CONTINUE;
}

int parse_and_run(int argc, char** argv) {
  bool automatic = false;
  std::string input;
  std::vector<std::string> styles;
  CLI::App app(
      "Plays a video, or a moving test picture, in the first of the styles and changes it from the keyboard:\n"
      "  1 .. 9   another of the styles, with a fade\n"
      "  f        a fade of two seconds from the untouched content to the full style\n"
      "  + -      strength\n"
      "  c        colours: the style's, or the frames' own\n"
      "  s        statistics\n"
      "  q        quit");
  app.footer("Example: live styles/swirls.jpg styles/mosaic.jpg --input street.mp4");
  app.add_option("STYLE", styles, "Style pictures, nine at most")->required()->expected(1, 9);
  app.add_option("--input", input, "Video (default: a test picture)");
  app.add_flag("--auto", automatic, "Go through all of that without a window, and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  gst_init(nullptr, nullptr);
  return Live(input, styles, automatic).run();
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning();
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "live: %s\n", error.what());
    return kExitFailed;
  }
}
