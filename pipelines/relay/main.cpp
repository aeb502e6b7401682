// SPDX-License-Identifier: MIT
//
// rtsp-relay: repaints the pictures of RTSP cameras and serves them again as RTSP.
// Exit status: 0 stopped by SIGTERM or SIGINT, 1 failed, 2 wrong usage or configuration.

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include <glib-unix.h>
#include <gst/gst.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "../media.h"
#include "camera.h"
#include "log.h"
#include "settings.h"
#include "status.h"
#include "status_server.h"
#include "viewers.h"

namespace {

using namespace relay;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

// A service must stop within two seconds even where a camera's connection or a driver hangs, and the machine is busy.
constexpr std::chrono::milliseconds kStopLimit{1200};

// Ends the process if what follows it takes too long.
class StopLimit {
 public:
  StopLimit() : thread_([this] { wait(); }) {}
  ~StopLimit() {
    {
      const std::lock_guard guard(lock_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  StopLimit(const StopLimit&) = delete;
  StopLimit& operator=(const StopLimit&) = delete;

 private:
  void wait() {
    std::unique_lock guard(lock_);
    if (changed_.wait_for(guard, kStopLimit, [this] { return done_; })) return;
    Log("relay").warning("Not everything has stopped in time; leaving it.");
    _exit(0);
  }

  std::mutex lock_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;  // last: it uses all of the above
};

class Relay {
 public:
  Relay(CommandLine command_line, const RelaySettings& settings);

  // Returns when a signal asks for it.
  void run();

 private:
  RelayStatus status() const;
  void reload();
  void log_health() const;

  const Log log_{"relay"};
  const CommandLine command_line_;
  const RelaySettings settings_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::unique_ptr<GMainLoop, void (*)(GMainLoop*)> loop_{g_main_loop_new(nullptr, FALSE), g_main_loop_unref};
  std::deque<Camera> cameras_;  // each stays where it is
  std::optional<Viewers> viewers_;
  std::optional<StatusServer> status_server_;
};

Relay::Relay(CommandLine command_line, const RelaySettings& settings)
    : command_line_(std::move(command_line)), settings_(settings) {
  for (const CameraSettings& camera : settings_.cameras) cameras_.emplace_back(camera);
  viewers_.emplace(settings_);
  for (Camera& camera : cameras_) viewers_->add(camera);
  if (!settings_.status.empty()) {
    status_server_.emplace(settings_.status, [this] { return status(); });
    log_.info("status: %s", status_server_->url().c_str());
  }
}

RelayStatus Relay::status() const {
  RelayStatus status;
  status.uptime = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  status.process = process_use();
  for (const Camera& camera : cameras_) status.cameras.push_back(camera.status());
  status.viewers = viewers_->count();
  return status;
}

// Styles only: whatever else has changed needs a restart, which the log says.
void Relay::reload() {
  try {
    const RelaySettings fresh = read_settings(command_line_);
    for (const CameraSettings& settings : fresh.cameras) {
      bool known = false;
      for (Camera& camera : cameras_) {
        if (camera.name() != settings.name) continue;
        camera.restyle(settings);
        known = true;
      }
      if (!known) log_.warning("Camera %s is new; restart the relay to add it.", settings.name.c_str());
    }
  } catch (const std::exception& error) {
    log_.error("The configuration was not reloaded: %s", error.what());
  }
}

void Relay::log_health() const {
  const RelayStatus now = status();
  for (const Camera& camera : cameras_) {
    const auto viewers = now.viewers.find(camera.name());
    camera.log().info("%s", health_line(camera.status(), viewers != now.viewers.end() ? viewers->second : 0).c_str());
  }
  log_.info("health: %ld MB, %ld threads, %ld open files", now.process.memory_bytes >> 20, now.process.threads,
            now.process.open_files);
}

void Relay::run() {
  const auto on_stop = [](gpointer self) -> gboolean {
    g_main_loop_quit(static_cast<Relay*>(self)->loop_.get());
    return G_SOURCE_CONTINUE;
  };
  const auto on_reload = [](gpointer self) -> gboolean {
    static_cast<Relay*>(self)->reload();
    return G_SOURCE_CONTINUE;
  };
  const auto on_health = [](gpointer self) -> gboolean {
    static_cast<Relay*>(self)->log_health();
    return G_SOURCE_CONTINUE;
  };
  g_unix_signal_add(SIGTERM, on_stop, this);
  g_unix_signal_add(SIGINT, on_stop, this);
  g_unix_signal_add(SIGHUP, on_reload, this);
  if (settings_.health_interval > 0) g_timeout_add(static_cast<guint>(settings_.health_interval * 1000), on_health, this);
  for (Camera& camera : cameras_) camera.start();
  g_main_loop_run(loop_.get());

  log_.info("stopping");
  const StopLimit limit;
  for (Camera& camera : cameras_) camera.request_stop();
  status_server_.reset();
  viewers_.reset();
  for (Camera& camera : cameras_) camera.join();
}

void add_keys(CLI::App& app, const std::vector<KeyHelp>& keys, const char* group, CommandLine& line) {
  for (const KeyHelp& key : keys) {
    if (key.key == "location") continue;  // --camera names it
    const std::string name = key.key;
    const std::function<void(const std::string&)> take = [&line, name](const std::string& value) { line.values[name] = value; };
    app.add_option_function("--" + name, take, key.help)->group(group)->take_last();
  }
}

void take_camera(CommandLine& line, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw CLI::ValidationError("--camera", "NAME=URL is needed, for instance door=rtsp://10.0.0.7/live");
  line.locations[text.substr(0, equals)] = text.substr(equals + 1);
}

int parse_and_run(int argc, char** argv) {
  CommandLine line;
  CLI::App app(
      "Repaints the pictures of RTSP cameras in the style of a picture and serves them again as RTSP, each at /NAME.\n"
      "SIGHUP loads the styles anew, SIGTERM stops. Options win over the configuration, whose keys they are; what they are "
      "without\n"
      "being set stands in parentheses.");
  app.footer(
      "Example: rtsp-relay --camera door=rtsp://10.0.0.7/live --style styles/mosaic.jpg\n"
      "serves rtsp://127.0.0.1:8554/door.");
  app.add_option("--config", line.config, "Configuration: [relay], [defaults], [camera NAME]")->check(CLI::ExistingFile);
  std::vector<std::string> cameras;
  app.add_option("--camera", cameras, "NAME=URL of a camera; may be given several times")->take_all();
  add_keys(app, relay_keys(), "Server", line);
  add_keys(app, camera_keys(), "Cameras (all of them)", line);
  try {
    app.parse(argc, argv);
    for (const std::string& camera : cameras) take_camera(line, camera);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  RelaySettings settings;
  try {
    settings = read_settings(line);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rtsp-relay: %s\n", error.what());
    return kExitUsage;
  }
  gst_init(nullptr, nullptr);
  Relay(line, settings).run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning();
  std::signal(SIGPIPE, SIG_IGN);  // a viewer that has gone is no reason to end
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rtsp-relay: %s\n", error.what());
    return kExitFailed;
  }
}
