// SPDX-License-Identifier: MIT
// What the element adds to the engine: a stylizer and the element take the same frames in turn, so that the machine's changing
// speed meets both; the ratio is that of the medians. Then what I420 costs without converters and with them.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "adainstyle/stylizer.h"

namespace {

using adainstyle::ImageView;
using adainstyle::MutableImageView;

double milliseconds(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

template <typename View, typename Byte>
View view_of(Byte* bytes, int width, int height) {
  View view;
  view.format = adainstyle::PixelFormat::kRGBx;
  view.width = width;
  view.height = height;
  view.planes[0] = bytes;
  view.strides[0] = static_cast<std::ptrdiff_t>(width) * 4;
  return view;
}

void compare(const std::string& style_path, int width, int height, int frames) {
  const std::size_t size = static_cast<std::size_t>(width) * height * 4;
  std::vector<std::uint8_t> input(size);
  std::mt19937 random(1);
  for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random());

  const auto stylizer = adainstyle::open_stylizer({});
  const adainstyle::FrameParameters parameters{stylizer->load_style(style_path, 512), 1.0f};
  std::vector<std::uint8_t> output(size);

  GstHarness* harness = gst_harness_new_parse(("adainstyle qos=false style-image=\"" + style_path + "\"").c_str());
  gst_harness_set_src_caps_str(
      harness,
      ("video/x-raw,format=RGBx,framerate=30/1,width=" + std::to_string(width) + ",height=" + std::to_string(height)).c_str());
  gst_harness_set_sink_caps_str(harness, "video/x-raw,format=RGBx");
  GstBuffer* frame = gst_buffer_new_memdup(input.data(), size);

  std::vector<double> engine;
  std::vector<double> element;
  for (int i = 0; i < frames + 3; ++i) {
    const double alone = milliseconds([&] {
      stylizer->process(view_of<ImageView>(input.data(), width, height), view_of<MutableImageView>(output.data(), width, height),
                        parameters);
    });
    const double through = milliseconds([&] {
      GstBuffer* result = gst_harness_push_and_pull(harness, gst_buffer_ref(frame));
      if (!result) std::exit((std::fprintf(stderr, "the element made no frame\n"), 1));
      gst_buffer_unref(result);
    });
    if (i < 3) continue;  // buffers and pools are made
    engine.push_back(alone);
    element.push_back(through);
  }
  gst_buffer_unref(frame);
  gst_harness_teardown(harness);
  std::printf("%4dx%-4d  stylizer %7.2f ms  element %7.2f ms  element adds %+.1f %%\n", width, height, median(engine),
              median(element), 100 * (median(element) / median(engine) - 1));
}

// A decoder's I420 to an encoder: the element alone, and with the converters that it needed if it took RGB only. Frames in turn.
void compare_converters(const std::string& style_path, int width, int height, int frames) {
  const std::string caps =
      "video/x-raw,format=I420,framerate=30/1,width=" + std::to_string(width) + ",height=" + std::to_string(height);
  const std::string element = "adainstyle qos=false style-image=\"" + style_path + "\"";
  GstHarness* harnesses[] = {
      gst_harness_new_parse(element.c_str()),
      gst_harness_new_parse(
          ("videoconvert ! video/x-raw,format=RGBx ! " + element + " ! videoconvert ! capsfilter caps=\"" + caps + "\"").c_str())};
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, width, height);
  std::vector<std::uint8_t> input(GST_VIDEO_INFO_SIZE(&info));
  std::mt19937 random(1);
  for (std::uint8_t& byte : input) byte = static_cast<std::uint8_t>(random());
  GstBuffer* frame = gst_buffer_new_memdup(input.data(), input.size());
  for (GstHarness* harness : harnesses) gst_harness_set_src_caps_str(harness, caps.c_str());

  std::vector<double> times[2];
  for (int i = 0; i < frames + 3; ++i) {
    for (int way = 0; way < 2; ++way) {
      const double time = milliseconds([&] {
        GstBuffer* result = gst_harness_push_and_pull(harnesses[way], gst_buffer_ref(frame));
        if (!result) std::exit((std::fprintf(stderr, "the element made no frame\n"), 1));
        gst_buffer_unref(result);
      });
      if (i >= 3) times[way].push_back(time);
    }
  }
  gst_buffer_unref(frame);
  for (GstHarness* harness : harnesses) gst_harness_teardown(harness);
  std::printf("%4dx%-4d  I420 %7.2f ms  with converters %7.2f ms  converters add %+.1f %%\n", width, height, median(times[0]),
              median(times[1]), 100 * (median(times[1]) / median(times[0]) - 1));
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 2) return std::fprintf(stderr, "usage: element-benchmark STYLE-PICTURE\n"), 2;
  compare(argv[1], 640, 360, 150);
  compare(argv[1], 1280, 720, 40);
  compare_converters(argv[1], 640, 360, 150);
  compare_converters(argv[1], 1280, 720, 40);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak memory of the process, two sets of buffers and LibTorch included: %ld MiB\n", usage.ru_maxrss / 1024);
}
