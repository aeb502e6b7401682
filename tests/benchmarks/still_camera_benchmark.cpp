// SPDX-License-Identifier: MIT
// What static-skip saves.
//
// usage: still-camera-benchmark STYLE CLIP...
//
// Paints the first frames of each clip, 25 a second, as they are and behind H.264 at 1.5 Mbit/s, and a still camera made from the
// first: its first frame with Gaussian noise of 1.75/255, new in each frame, in front of which a part of it of an eighth of the area
// moves three pixels a frame. All with temporal-smoothing=500 stabilization=1. Prints
//   off, on    milliseconds of CPU time for a frame, on one thread, so that other load changes little, without and with static-skip
//   painted    mean share of the frame that was painted
//   apart      mean difference of the two paintings, of 255, and of the 1 % of the tiles of 16x16 pixels that differ most
#include <gst/gst.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "adainstyle/stylizer.h"
#include "clips.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::coded;
using test::Frame;
using test::kFrameNs;
using test::read_clip;

constexpr int kClipFrames = 100;
constexpr int kTile = 16;

std::vector<Frame> still_camera(const Frame& background, int count, bool moves) {
  const int width = background.width / 4;
  const int height = background.height / 2;
  const int span = background.width - width;
  std::vector<Frame> frames;
  for (int i = 0; i < count; ++i) {
    Frame frame = background;
    const int left = std::abs((3 * i + span) % (2 * span) - span);
    for (int y = 0; moves && y < height; ++y) {
      std::memcpy(frame.at(left, background.height / 3 + y), background.at(background.width / 3, y),
                  static_cast<std::size_t>(width) * 3);
    }
    frames.push_back(frame.noisy(1.75, 100 + i));
  }
  return frames;
}

class Painter {
 public:
  Painter(const std::string& style, bool static_skip) : stylizer_(open_stylizer({"", "auto", Precision::kAuto, 1})) {
    parameters_.style = stylizer_->load_style(style, 512);
    parameters_.smoothing_ms = 500.0f;
    parameters_.stabilization = 1.0f;
    parameters_.static_skip = static_skip;
  }

  Frame paint(const Frame& frame) {
    Frame painted(frame.width, frame.height);
    const std::clock_t start = std::clock();
    stylizer_->process(frame.view(), painted.mutable_view(), parameters_);
    cpu_ms_ += 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    parameters_.time_ns += kFrameNs;
    return painted;
  }

  double cpu_ms() const { return cpu_ms_ / static_cast<double>(stylizer_->timings().frames); }
  double painted_share() const { return stylizer_->timings().painted_share; }

 private:
  std::unique_ptr<Stylizer> stylizer_;
  FrameParameters parameters_;
  double cpu_ms_ = 0.0;
};

void add_tiles(const Frame& a, const Frame& b, std::vector<float>& tiles) {
  for (int y = 0; y + kTile <= a.height; y += kTile) {
    for (int x = 0; x + kTile <= a.width; x += kTile) {
      int sum = 0;
      for (int line = y; line < y + kTile; ++line) {
        for (int i = 0; i < kTile * 3; ++i) sum += std::abs(a.at(x, line)[i] - b.at(x, line)[i]);
      }
      tiles.push_back(static_cast<float>(sum) / (kTile * kTile * 3));
    }
  }
}

double mean(const std::vector<float>& values, std::size_t from) {
  double sum = 0.0;
  for (std::size_t i = from; i < values.size(); ++i) sum += values[i];
  return sum / static_cast<double>(values.size() - from);
}

void print_saving(const std::string& name, const std::vector<Frame>& clip, const std::string& style) {
  Painter off(style, false);
  Painter on(style, true);
  std::vector<float> tiles;
  for (const Frame& frame : clip) add_tiles(off.paint(frame), on.paint(frame), tiles);
  std::sort(tiles.begin(), tiles.end());
  std::printf("%-36s %7.2f %7.2f %6.0f %%  %6.0f %%  %6.2f %6.1f\n", name.c_str(), off.cpu_ms(), on.cpu_ms(),
              100 * on.cpu_ms() / off.cpu_ms(), 100 * on.painted_share(), mean(tiles, 0), mean(tiles, tiles.size() / 100 * 99));
}

int run(int argc, char** argv) {
  if (argc < 3) throw std::runtime_error("usage: still-camera-benchmark STYLE CLIP...");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf("%-36s %7s %7s %8s  %8s  %13s\n", "CPU ms a frame", "off", "on", "on/off", "painted", "apart");
  for (int i = 2; i < argc; ++i) {
    const std::string path = argv[i];
    const std::vector<Frame> clip = read_clip(path, kClipFrames);
    const std::string name =
        path.substr(path.find_last_of('/') + 1) + " " + std::to_string(clip[0].width) + "x" + std::to_string(clip[0].height);
    print_saving(name, clip, argv[1]);
    print_saving(name + ", 1.5 Mbit/s", coded(clip, 1500), argv[1]);
    if (i > 2) continue;
    print_saving("still, nothing moves", still_camera(clip[0], kClipFrames, false), argv[1]);
    print_saving("still, an eighth moves", still_camera(clip[0], kClipFrames, true), argv[1]);
  }
  return 0;
}

}  // namespace
}  // namespace adainstyle

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  try {
    return adainstyle::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "still-camera-benchmark: %s\n", error.what());
    return 1;
  }
}
