// SPDX-License-Identifier: MIT
// Whether frames wait while styles change: a live source at 25 frames a second, painted; in turn the style stays and changes ten times
// a second, so that other load on the machine strikes both alike.
//
// usage: style-changes-benchmark SECONDS TURNS WIDTH HEIGHT STYLE STYLE...
//
// SECONDS: of either in all, in so many TURNS. Prints of both how many frames came and the longest and the 99.9th percentile of the
// times between two of them, in frame times; the process's memory after the first turn and at the end; and which style was asked for
// last and which was announced last.
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

using Gaps = std::vector<double>;  // between two frames, in frame times

void print_gaps(const char* name, Gaps gaps) {
  if (gaps.empty()) return;
  std::sort(gaps.begin(), gaps.end());
  std::printf("%-24s %6zu frames  longest gap %5.2f  99.9 %% below %5.2f frame times\n", name, gaps.size(), gaps.back(),
              gaps[gaps.size() * 999 / 1000]);
}

// The element's styles in turn, ten a second, where `changes`. Returns the last one that was set.
std::string play(GstElement* painter, const std::vector<std::string>& styles, std::chrono::milliseconds time, bool changes) {
  const auto end = Clock::now() + time;
  auto next = Clock::now();
  std::string last;
  for (std::size_t i = 1; Clock::now() < end; ++i) {
    if (changes) g_object_set(painter, "style-image", (last = styles[i % styles.size()]).c_str(), nullptr);
    next += kBetweenChanges;
    g_usleep(
        static_cast<gulong>(std::max<long>(std::chrono::duration_cast<std::chrono::microseconds>(next - Clock::now()).count(), 0)));
  }
  return last;
}

void add_gaps(const std::vector<Clock::time_point>& times, Gaps& gaps) {
  for (std::size_t i = 1; i < times.size(); ++i) {
    gaps.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count() / kFrameSeconds);
  }
}

void on_style(GstElement*, const gchar* path, gboolean ok, const gchar*, gpointer announced) {
  if (ok) *static_cast<std::string*>(announced) = path;
}

int run(int seconds, int turns, const std::string& size, const std::vector<std::string>& styles) {
  GError* error = nullptr;
  const std::string line = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=BGRx,framerate=25/1," + size +
                           " ! queue leaky=downstream max-size-buffers=2 ! adainstyle name=painter qos=false ! "
                           "fakesink name=sink sync=false signal-handoffs=true";
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (error) return std::fprintf(stderr, "style-changes-benchmark: %s\n", error->message), 1;
  GstElement* painter = gst_bin_get_by_name(GST_BIN(pipeline), "painter");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  Arrivals arrivals;
  std::string announced;
  std::string asked;
  g_signal_connect(sink, "handoff", G_CALLBACK(on_frame), &arrivals);
  g_signal_connect(painter, "style-loaded", G_CALLBACK(on_style), &announced);
  g_object_set(painter, "style-image", styles.front().c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  g_usleep(kWarmUpSeconds * G_USEC_PER_SEC);
  Gaps gaps[2];
  long early = 0;
  for (int turn = 0; turn < 2 * turns; ++turn) {
    arrivals.take();
    const std::string last = play(painter, styles, std::chrono::milliseconds(1000 * seconds / turns), turn % 2 == 1);
    add_gaps(arrivals.take(), gaps[turn % 2]);
    if (!last.empty()) asked = last;
    if (turn == 1) early = resident_megabytes();
  }
  const long late = resident_megabytes();
  g_usleep(kWarmUpSeconds * G_USEC_PER_SEC);  // for the last load
  gst_element_set_state(pipeline, GST_STATE_NULL);
  print_gaps("the style stays", gaps[0]);
  print_gaps("ten changes a second", gaps[1]);
  std::printf("memory %ld MiB after the first turn, %ld MiB at the end\n", early, late);
  std::printf("asked for last: %s, announced last: %s\n", asked.c_str(), announced.c_str());
  gst_object_unref(sink);
  gst_object_unref(painter);
  gst_object_unref(pipeline);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  const int seconds = argc > 6 ? std::atoi(argv[1]) : 0;
  const int turns = argc > 6 ? std::atoi(argv[2]) : 0;
  if (seconds <= 0 || turns <= 0) {
    return std::fprintf(stderr, "usage: style-changes-benchmark SECONDS TURNS WIDTH HEIGHT STYLE STYLE...\n"), 2;
  }
  return run(seconds, turns, std::string("width=") + argv[3] + ",height=" + argv[4], {argv + 5, argv + argc});
}
