// SPDX-License-Identifier: MIT
//
// adainstyle-bench STYLE: how fast a video, or a test picture, is painted. --help says the rest.
// Exit status: 0 done, 1 failed, 2 wrong usage.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <gst/gst.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>

#include "media.h"
#include "player.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr std::size_t kWarmUp = 10;  // frames that are not counted: buffers are made, clocks rise

double cpu_seconds() {
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

double peak_megabytes() {
  rusage use = {};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

int run(PlayerOptions options, const std::string& input) {
  options.live = false;
  if (options.frames == 0 && input.empty()) options.frames = 300;
  options.sink = "fakesink sync=false";
  options.source = input.empty() ? "videotestsrc pattern=ball" : "uridecodebin name=input";
  options.input = input;
  Player player(options);
  if (const ObjectPtr<GstElement> element = player.element("input")) {
    g_object_set(element.get(), "uri", uri_of_readable_file(input).c_str(), nullptr);
  }
  player.run();
  std::vector<double> times = player.paint_times();
  if (times.size() <= kWarmUp) throw std::runtime_error("Too few frames to say anything: more than 10 are needed.");
  times.erase(times.begin(), times.begin() + kWarmUp);
  std::sort(times.begin(), times.end());
  const Progress& progress = player.progress();
  std::printf("%-10s %-8s %-9s %8s %8s %8s %8s %8s %8s\n", "size", "device", "precision", "fps", "p50 ms", "p95 ms", "p99 ms",
              "CPU %", "peak MB");
  std::printf("%-10s %-8s %-9s %8.1f %8.2f %8.2f %8.2f %8.0f %8.0f\n",
              (std::to_string(options.width) + "x" + std::to_string(options.height)).c_str(), options.paint.device.c_str(),
              options.paint.precision.c_str(), progress.frames_a_second(), 1e3 * percentile(times, 0.5),
              1e3 * percentile(times, 0.95), 1e3 * percentile(times, 0.99),
              100 * cpu_seconds() / std::max(1e-9, progress.seconds()), peak_megabytes());
  return 0;
}

int parse_and_run(int argc, char** argv) {
  PlayerOptions options;
  std::string input;
  CLI::App app(
      "Paints as fast as it can and prints a table: frames a second of the whole pipeline, milliseconds a frame in the element\n"
      "(percentiles, without the first ten), processor time as a share of one core (loading included) and the peak of memory.");
  app.option_defaults()->always_capture_default();
  app.footer("Example: adainstyle-bench styles/mosaic.jpg --size 1280x720");
  app.add_option("STYLE", options.paint.style, "Style picture")->required();
  app.add_option("--input", input, "Video (default: a test picture, 300 frames)");
  add_player_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  gst_init(nullptr, nullptr);
  return run(options, input);
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning();
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "adainstyle-bench: %s\n", error.what());
    return kExitFailed;
  }
}
