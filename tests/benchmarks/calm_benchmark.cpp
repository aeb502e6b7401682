// SPDX-License-Identifier: MIT
// How calm a painted video is, with temporal smoothing and stabilisation on and off.
//
// usage: calm-benchmark SINTEL_FOLDER CLIP OTHER_CLIP STYLE...
//
//   SINTEL_FOLDER   MPI-Sintel's alley_1 with the true flow from frame_0002 to frame_0003 in gt/
//   CLIP            a video, for the still parts and the time; OTHER_CLIP: a video for what follows a scene cut
//
// Prints the mean over the styles of
//   warping    mean square of O2(p) - O3(p + flow) over the pixels that are seen in both, painted / untouched
//   noise gain RMS of the change of the painting / RMS of the change of a still picture with Gaussian noise of 2/255
//   flicker    mean absolute change, of 255, of the painting in tiles of 16x16 whose brightness changed by less than 1 a pixel
//   cut        mean and largest difference, of 255, of the first frame of OTHER_CLIP after CLIP from a fresh start
//   ms         milliseconds of CPU time for a frame of CLIP, on one thread, so that other load changes little
//   painted    mean share of the frames of CLIP that was painted
#include <gst/gst.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "adainstyle/stylizer.h"
#include "clips.h"
#include "image_file.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;
using test::kFrameNs;
using test::read_clip;

constexpr int kClipFrames = 100;

struct Setting {
  const char* name;
  float smoothing_ms;
  float stabilization;
  bool static_skip;
};

constexpr Setting kSettings[] = {{"off", 0.0f, 0.0f, false},
                                 {"smoothing", 500.0f, 0.0f, false},
                                 {"stabilization", 0.0f, 1.0f, false},
                                 {"both", 500.0f, 1.0f, false},
                                 {"static-skip", 500.0f, 1.0f, true}};

Frame frame_of(const DecodedImage& image) {
  Frame frame(image.width, image.height);
  frame.bytes = image.rgb;
  return frame;
}

Frame cropped(const Frame& frame, int width, int height) {
  Frame result(width, height);
  for (int y = 0; y < height; ++y) std::memcpy(result.at(0, y), frame.at(0, y), static_cast<std::size_t>(width) * 3);
  return result;
}

// Paints frames one after another.
class Painter {
 public:
  Painter(const Setting& setting, const std::string& style) : stylizer_(open_stylizer({"", "auto", Precision::kAuto, 1})) {
    parameters_.style = stylizer_->load_style(style, 512);
    parameters_.smoothing_ms = setting.smoothing_ms;
    parameters_.stabilization = setting.stabilization;
    parameters_.static_skip = setting.static_skip;
  }

  Frame paint(const Frame& frame) {
    Frame painted(frame.width, frame.height);
    const std::clock_t start = std::clock();
    stylizer_->process(frame.view(), painted.mutable_view(), parameters_);
    cpu_ms_ += 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    parameters_.time_ns += kFrameNs;
    return painted;
  }

  double cpu_ms() const { return cpu_ms_ / static_cast<double>(stylizer_->timings().frames); }  // a frame
  double painted_share() const { return stylizer_->timings().painted_share; }

 private:
  std::unique_ptr<Stylizer> stylizer_;
  FrameParameters parameters_;
  double cpu_ms_ = 0.0;
};

struct Flow {
  int width = 0;
  int height = 0;
  std::vector<float> vectors;  // [height][width][x, y]
};

Flow read_flow(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  float tag = 0.0f;
  Flow flow;
  file.read(reinterpret_cast<char*>(&tag), 4)
      .read(reinterpret_cast<char*>(&flow.width), 4)
      .read(reinterpret_cast<char*>(&flow.height), 4);
  if (!file || tag != 202021.25f || flow.width <= 0 || flow.height <= 0 || flow.width > 8192 || flow.height > 8192) {
    throw std::runtime_error(path + " is not a flow file");
  }
  flow.vectors.resize(static_cast<std::size_t>(flow.width) * flow.height * 2);
  if (!file.read(reinterpret_cast<char*>(flow.vectors.data()), static_cast<std::streamsize>(flow.vectors.size() * sizeof(float)))) {
    throw std::runtime_error(path + " is cut off");
  }
  return flow;
}

// hidden: pixels of `a` that are white in it, occluded or outside of the second frame, are left out.
double warping_error(const Frame& a, const Frame& b, const Flow& flow, const std::vector<Frame>& hidden) {
  double sum = 0.0;
  double count = 0.0;
  for (int y = 0; y < a.height; ++y) {
    for (int x = 0; x < a.width; ++x) {
      bool seen = true;
      for (const Frame& mask : hidden) seen = seen && mask.at(x, y)[0] < 128;
      const std::size_t at = (static_cast<std::size_t>(y) * a.width + x) * 2;
      const double tx = x + flow.vectors[at];
      const double ty = y + flow.vectors[at + 1];
      if (!seen || tx < 0 || ty < 0 || tx > a.width - 2 || ty > a.height - 2) continue;
      const int ix = static_cast<int>(tx);
      const int iy = static_cast<int>(ty);
      const double fx = tx - ix;
      const double fy = ty - iy;
      for (int c = 0; c < 3; ++c) {
        const double there = (1 - fy) * ((1 - fx) * b.at(ix, iy)[c] + fx * b.at(ix + 1, iy)[c]) +
                             fy * ((1 - fx) * b.at(ix, iy + 1)[c] + fx * b.at(ix + 1, iy + 1)[c]);
        const double difference = (a.at(x, y)[c] - there) / 255.0;
        sum += difference * difference;
        ++count;
      }
    }
  }
  return sum / count;
}

double rms(const Frame& a, const Frame& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) sum += (a.bytes[i] - b.bytes[i]) * (a.bytes[i] - b.bytes[i]);
  return std::sqrt(sum / static_cast<double>(a.bytes.size()));
}

double noise_gain(const Setting& setting, const std::string& style, const Frame& picture) {
  Painter painter(setting, style);
  double change_in = 0.0;
  double change_out = 0.0;
  Frame last = picture.noisy(2.0, 1000);
  Frame last_painted = painter.paint(last);
  for (unsigned i = 1; i <= 20; ++i) {
    Frame frame = picture.noisy(2.0, 1000 + i);
    Frame painted = painter.paint(frame);
    if (i > 5) {
      change_in += rms(frame, last);
      change_out += rms(painted, last_painted);
    }
    last = std::move(frame);
    last_painted = std::move(painted);
  }
  return change_out / change_in;
}

constexpr int kTile = 16;

double tile_change(const Frame& a, const Frame& b, int x, int y) {
  double sum = 0.0;
  for (int line = y; line < y + kTile; ++line) {
    for (int i = 0; i < kTile * 3; ++i) sum += std::abs(a.at(x, line)[i] - b.at(x, line)[i]);
  }
  return sum / (kTile * kTile * 3);
}

struct ClipResult {
  double flicker = 0.0;
  double still_share = 0.0;
  double cut_mean = 0.0;
  int cut_largest = 0;
  double ms = 0.0;
  double painted = 0.0;
};

ClipResult measure_clip(const Setting& setting, const std::string& style, const std::vector<Frame>& clip, const Frame& other) {
  Painter painter(setting, style);
  ClipResult result;
  double sum = 0.0, still = 0.0, all = 0.0;
  Frame last(0, 0);
  for (std::size_t i = 0; i < clip.size(); ++i) {
    Frame painted = painter.paint(clip[i]);
    for (int y = 0; i > 5 && y + kTile <= painted.height; y += kTile) {
      for (int x = 0; x + kTile <= painted.width; x += kTile, ++all) {
        if (tile_change(clip[i], clip[i - 1], x, y) >= 1.0) continue;
        sum += tile_change(painted, last, x, y);
        ++still;
      }
    }
    last = std::move(painted);
  }
  result.flicker = still > 0 ? sum / still : 0.0;
  result.still_share = still / all;
  result.ms = painter.cpu_ms();
  result.painted = painter.painted_share();
  const Frame after_cut = painter.paint(other);
  const Frame fresh = Painter({"", 0.0f, 0.0f, false}, style).paint(other);
  result.cut_mean = test::mean_difference(after_cut, fresh);
  result.cut_largest = test::largest_difference(after_cut, fresh);
  return result;
}

int run(int argc, char** argv) {
  if (argc < 5) throw std::runtime_error("usage: calm-benchmark SINTEL_FOLDER CLIP OTHER_CLIP STYLE...");
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string sintel = argv[1];
  std::vector<Frame> frames;
  for (const char* number : {"1", "2", "3", "4"})
    frames.push_back(frame_of(read_image(sintel + "/frame_000" + number + ".png", 0)));
  const Flow flow = read_flow(sintel + "/gt/frame_0002.flo");
  std::vector<Frame> hidden;
  for (const char* mask : {"invalid", "occlusions"}) {
    hidden.push_back(frame_of(read_image(sintel + "/gt/" + mask + "/frame_0002.png", 0)));
  }
  const std::vector<Frame> clip = read_clip(argv[2], kClipFrames);
  const Frame other = cropped(read_clip(argv[3], 40).back(), clip[0].width, clip[0].height);
  const double untouched = warping_error(frames[1], frames[2], flow, hidden);
  const int styles = argc - 4;
  std::printf("untouched warping error %.6f; %d styles; %zu frames of %dx%d\n", untouched, styles, clip.size(), clip[0].width,
              clip[0].height);
  std::printf("%-14s %9s %10s %8s (still) %8s %5s %7s %8s\n", "", "warping", "noise gain", "flicker", "cut mean", "max", "ms",
              "painted");
  for (const Setting& setting : kSettings) {
    double warping = 0.0, gain = 0.0;
    ClipResult total;
    for (int s = 0; s < styles; ++s) {
      const std::string style = argv[4 + s];
      Painter painter(setting, style);
      std::vector<Frame> painted;
      for (const Frame& frame : frames) painted.push_back(painter.paint(frame));
      warping += warping_error(painted[1], painted[2], flow, hidden) / untouched / styles;
      gain += noise_gain(setting, style, frames[0]) / styles;
      const ClipResult result = measure_clip(setting, style, clip, other);
      total.flicker += result.flicker / styles;
      total.still_share = result.still_share;
      total.cut_mean += result.cut_mean / styles;
      total.cut_largest = std::max(total.cut_largest, result.cut_largest);
      total.ms += result.ms / styles;
      total.painted += result.painted / styles;
    }
    std::printf("%-14s %9.3f %10.3f %8.3f (%3.0f %%)  %8.3f %5d %7.2f %6.0f %%\n", setting.name, warping, gain, total.flicker,
                100.0 * total.still_share, total.cut_mean, total.cut_largest, total.ms, 100.0 * total.painted);
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
    std::fprintf(stderr, "calm-benchmark: %s\n", error.what());
    return 1;
  }
}
