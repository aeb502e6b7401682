// SPDX-License-Identifier: MIT
//
// webcam STYLE and rtsp-view URL STYLE: a camera, repainted, in a window. Built once for each, with ADAINSTYLE_RTSP set to 0 or 1.
// Exit status: 0 done, 1 failed, 2 wrong usage.

#include <cstdio>
#include <exception>
#include <string>

#include <gst/gst.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "media.h"
#include "player.h"

namespace {

constexpr bool kRtsp = ADAINSTYLE_RTSP != 0;
constexpr const char* kName = kRtsp ? "rtsp-view" : "webcam";
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Request {
  std::string camera = kRtsp ? "" : "/dev/video0";
  std::string protocol = "tcp";
  std::string user;
  std::string password;
  int latency = 100;
  bool test = false;
  bool headless = false;
  PlayerOptions player;
};

// What CLI11 shows where a URL is none of a camera's; "" where it is.
std::string is_rtsp(const std::string& url) {
  const bool good = url.rfind("rtsp://", 0) == 0 || url.rfind("rtsps://", 0) == 0;
  return good ? "" : "it must begin with rtsp:// or rtsps://, for instance rtsp://10.0.0.7/live";
}

void add_options(CLI::App& app, Request& request) {
  if (kRtsp) {
    app.add_option("URL", request.camera, "The camera's rtsp:// or rtsps:// URL")->required()->check(is_rtsp);
    app.add_option("--protocol", request.protocol, "tcp or udp")->check(CLI::IsMember({"tcp", "udp"}));
    app.add_option("--user", request.user, "User to log in at the camera as");
    app.add_option("--password", request.password, "The camera's password")->envname("RTSP_PASSWORD");
    app.add_option("--latency", request.latency, "Milliseconds that packets are held to be put in order")
        ->check(CLI::Range(0, 10000));
  } else {
    app.add_option("--camera", request.camera, "V4L2 device; where the default is missing, a test picture is shown");
    app.add_flag("--test", request.test, "Show the test picture in any case");
  }
  app.add_option("STYLE", request.player.paint.style, "Style picture")->required();
  app.add_flag("--headless", request.headless, "No window: only the frame rate is shown");
  add_player_options(app, request.player);
}

int run(Request& request, bool camera_named) {
  PlayerOptions& player = request.player;
  const bool missing = !kRtsp && access(request.camera.c_str(), F_OK) != 0;
  if (missing && camera_named && !request.test) throw std::runtime_error(request.camera + ": there is no such camera.");
  const bool test = request.test || missing;
  if (test) std::fprintf(stderr, "%s: no camera; this is a test picture\n", kName);
  player.source = kRtsp  ? "rtspsrc name=camera drop-on-latency=true ! decodebin"
                  : test ? "videotestsrc is-live=true pattern=ball ! video/x-raw,framerate=25/1"
                         : "v4l2src name=camera ! decodebin";
  player.sink = request.headless ? "fakesink sync=false" : window_sink() + " sync=false";
  if (!test) player.input = request.camera;
  Player pipeline(player);
  if (const ObjectPtr<GstElement> camera = pipeline.element("camera")) {
    if (kRtsp) {
      g_object_set(camera.get(), "location", request.camera.c_str(), "latency", static_cast<guint>(request.latency), nullptr);
      gst_util_set_object_arg(G_OBJECT(camera.get()), "protocols", request.protocol.c_str());
      if (!request.user.empty()) {
        g_object_set(camera.get(), "user-id", request.user.c_str(), "user-pw", request.password.c_str(), nullptr);
      }
    } else {
      g_object_set(camera.get(), "device", request.camera.c_str(), nullptr);
    }
  }
  pipeline.run();
  std::printf("%lld frames, %.1f frames a second\n", static_cast<long long>(pipeline.progress().frames()),
              pipeline.progress().frames_a_second());
  return 0;
}

int parse_and_run(int argc, char** argv) {
  Request request;
  CLI::App app(kRtsp ? "Shows an RTSP camera repainted, in a window. Ctrl-C ends it."
                     : "Shows a webcam repainted, in a window. Ctrl-C ends it.");
  app.option_defaults()->always_capture_default();
  app.footer(kRtsp ? "Example: rtsp-view rtsp://10.0.0.7/live styles/swirls.jpg" : "Example: webcam styles/swirls.jpg");
  add_options(app, request);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  gst_init(nullptr, nullptr);
  return run(request, !kRtsp && app.count("--camera") > 0);
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning();
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", kName, error.what());
    return kExitFailed;
  }
}
