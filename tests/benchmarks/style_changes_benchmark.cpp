// SPDX-License-Identifier: MIT
// Whether frames wait while styles change: a live source at 25 frames a second, painted; first the style stays, then it changes ten
// times a second.
//
// usage: style-changes-benchmark SECONDS WIDTH HEIGHT STYLE STYLE...
//
// Prints, of each part, how many frames came and the longest and the 99.9th percentile of the times between two of them, in frame
// times, and the process's memory at its end.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gst/gst.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFrameSeconds = 1.0 / 25.0;
constexpr int kWarmUpSeconds = 3;
constexpr auto kBetweenChanges = std::chrono::milliseconds(100);

// When frames arrived.
class Arrivals {
 public:
  void add() {
    const std::lock_guard guard(lock_);
    times_.push_back(Clock::now());
  }

  std::vector<Clock::time_point> take() {
    const std::lock_guard guard(lock_);
    return std::exchange(times_, {});
  }

 private:
  std::mutex lock_;
  std::vector<Clock::time_point> times_;
};

void on_frame(GstElement*, GstBuffer*, GstPad*, gpointer arrivals) { static_cast<Arrivals*>(arrivals)->add(); }

long resident_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmRSS:" && status >> word) return std::atol(word.c_str()) / 1024;
  }
  return 0;
}

void print_gaps(const char* name, const std::vector<Clock::time_point>& times) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < times.size(); ++i) {
    gaps.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count() / kFrameSeconds);
  }
  if (gaps.empty()) return;
  std::sort(gaps.begin(), gaps.end());
  std::printf("%-24s %6zu frames  longest gap %5.2f  99.9 %% below %5.2f frame times  %5ld MiB\n", name, times.size(), gaps.back(),
              gaps[gaps.size() * 999 / 1000], resident_megabytes());
}

void run_part(GstElement* painter, const std::vector<std::string>& styles, int seconds, bool changes, Arrivals& arrivals) {
  arrivals.take();
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  auto next = Clock::now();
  for (std::size_t i = 0; Clock::now() < end; ++i) {
    if (changes) g_object_set(painter, "style-image", styles[i % styles.size()].c_str(), nullptr);
    next += kBetweenChanges;
    g_usleep(
        static_cast<gulong>(std::max<long>(std::chrono::duration_cast<std::chrono::microseconds>(next - Clock::now()).count(), 0)));
  }
  print_gaps(changes ? "ten changes a second" : "the style stays", arrivals.take());
}

int run(int seconds, const std::string& size, const std::vector<std::string>& styles) {
  GError* error = nullptr;
  const std::string line = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=BGRx,framerate=25/1," + size +
                           " ! queue leaky=downstream max-size-buffers=2 ! adainstyle name=painter qos=false ! "
                           "fakesink name=sink sync=false signal-handoffs=true";
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (error) return std::fprintf(stderr, "style-changes-benchmark: %s\n", error->message), 1;
  GstElement* painter = gst_bin_get_by_name(GST_BIN(pipeline), "painter");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  Arrivals arrivals;
  g_signal_connect(sink, "handoff", G_CALLBACK(on_frame), &arrivals);
  g_object_set(painter, "style-image", styles.front().c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_usleep(kWarmUpSeconds * G_USEC_PER_SEC);
  run_part(painter, styles, seconds, false, arrivals);
  run_part(painter, styles, seconds, true, arrivals);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(sink);
  gst_object_unref(painter);
  gst_object_unref(pipeline);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const int seconds = argc > 5 ? std::atoi(argv[1]) : 0;
  if (seconds <= 0) return std::fprintf(stderr, "usage: style-changes-benchmark SECONDS WIDTH HEIGHT STYLE STYLE...\n"), 2;
  return run(seconds, std::string("width=") + argv[2] + ",height=" + argv[3], {argv + 4, argv + argc});
}
