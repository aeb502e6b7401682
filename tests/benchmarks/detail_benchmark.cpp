// SPDX-License-Identifier: MIT
// What processing-height costs and what it keeps.
//
// usage: detail-benchmark STYLE PICTURE...
//
// Time: medians of the CPU time of frames painted in turn on one thread, so that other load changes little: 640x360 as it is, 1920x1080
// at a processing height of 360, 1920x1080 in full. The frame is the first picture.
// Detail: each picture painted at a third of its height and enlarged, linearly and along the frame's edges; means over the pictures of
//   aligned  cosine between the gradients of the frame's brightness and the painting's, regardless of sign, weighted by both
//   sharp    mean gradient of the painting on the tenth of the pixels where the frame's is steepest, relative to painting in full
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "adainstyle/stylizer.h"
#include "image_file.h"
#include "reduced_frame.h"
#include "support/frames.h"

namespace adainstyle {
namespace {

using test::Frame;

Frame frame_of(const ImageView& view) {
  Frame frame(view.width, view.height);
  std::copy_n(view.planes[0], frame.bytes.size(), frame.bytes.begin());
  return frame;
}

Frame resized(const DecodedImage& picture, int width, int height) {
  Frame frame(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const std::size_t at = static_cast<std::size_t>(y) * picture.height / height * picture.width + x * picture.width / width;
      std::copy_n(&picture.rgb[at * 3], 3, frame.at(x, y));
    }
  }
  return frame;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

class Painter {
 public:
  explicit Painter(const std::string& style, int processing_height) {
    parameters_.style = stylizer_->load_style(style, 512);
    parameters_.processing_height = processing_height;
  }

  const Frame& paint(const Frame& frame) {
    if (painted_.width != frame.width || painted_.height != frame.height) painted_ = Frame(frame.width, frame.height);
    const std::clock_t start = std::clock();  // of all threads
    stylizer_->process(frame.view(), painted_.mutable_view(), parameters_);
    milliseconds_.push_back(1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    return painted_;
  }

  double milliseconds() const { return median({milliseconds_.begin() + 3, milliseconds_.end()}); }

 private:
  const std::unique_ptr<Stylizer> stylizer_ = open_stylizer({"", "cpu", Precision::kAuto, 1});
  FrameParameters parameters_;
  Frame painted_{0, 0};
  std::vector<double> milliseconds_;
};

void compare_times(const std::string& style, const DecodedImage& picture) {
  const Frame small = resized(picture, 640, 360);
  const Frame large = resized(picture, 1920, 1080);
  Painter at_360(style, 0);
  Painter reduced(style, 360);
  Painter full(style, 0);
  for (int i = 0; i < 24; ++i) {
    at_360.paint(small);
    reduced.paint(large);
    if (i % 4 == 0) full.paint(large);
  }
  std::printf("640x360                      %8.2f ms\n", at_360.milliseconds());
  std::printf("1920x1080 painted at 360     %8.2f ms  %5.2f of 640x360\n", reduced.milliseconds(),
              reduced.milliseconds() / at_360.milliseconds());
  std::printf("1920x1080                    %8.2f ms  %5.2f\n", full.milliseconds(), full.milliseconds() / at_360.milliseconds());
}

struct Gradients {
  std::vector<double> x, y;
  double length(std::size_t i) const { return std::hypot(x[i], y[i]); }
};

Gradients gradients_of(const Frame& frame) {
  const auto light = [&frame](int x, int y) {
    const std::uint8_t* rgb = frame.at(x, y);
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
  };
  Gradients gradients;
  for (int y = 1; y + 1 < frame.height; ++y) {
    for (int x = 1; x + 1 < frame.width; ++x) {
      gradients.x.push_back(light(x + 1, y) - light(x - 1, y));
      gradients.y.push_back(light(x, y + 1) - light(x, y - 1));
    }
  }
  return gradients;
}

double alignment(const Gradients& frame, const Gradients& painting) {
  double together = 0.0;
  double apart = 0.0;
  for (std::size_t i = 0; i < frame.x.size(); ++i) {
    together += std::fabs(frame.x[i] * painting.x[i] + frame.y[i] * painting.y[i]);
    apart += frame.length(i) * painting.length(i);
  }
  return together / apart;
}

double steepness(const Gradients& frame, const Gradients& painting) {
  std::vector<double> lengths(frame.x.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) lengths[i] = frame.length(i);
  std::vector<double> sorted = lengths;
  const auto tenth = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 9 / 10);
  std::nth_element(sorted.begin(), tenth, sorted.end());
  double sum = 0.0;
  double count = 0.0;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < *tenth) continue;
    sum += painting.length(i);
    ++count;
  }
  return sum / count;
}

Frame enlarged_linearly(const Frame& small, int width, int height) {
  Frame result(width, height);
  for (int y = 0; y < height; ++y) {
    const double py = std::clamp((y + 0.5) * small.height / height - 0.5, 0.0, small.height - 1.001);
    for (int x = 0; x < width; ++x) {
      const double px = std::clamp((x + 0.5) * small.width / width - 0.5, 0.0, small.width - 1.001);
      const int u = static_cast<int>(px);
      const int v = static_cast<int>(py);
      for (int c = 0; c < 3; ++c) {
        const double top = small.at(u, v)[c] + (px - u) * (small.at(u + 1, v)[c] - small.at(u, v)[c]);
        const double bottom = small.at(u, v + 1)[c] + (px - u) * (small.at(u + 1, v + 1)[c] - small.at(u, v + 1)[c]);
        result.at(x, y)[c] = static_cast<std::uint8_t>(top + (py - v) * (bottom - top) + 0.5);
      }
    }
  }
  return result;
}

void compare_detail(const std::string& style, const std::vector<std::string>& pictures) {
  double aligned[3] = {};
  double sharp[3] = {};
  for (const std::string& path : pictures) {
    const Frame frame = frame_of(read_image(path, 0).view());
    const int height = frame.height / 3;
    ReducedFrame reduced(1);
    const Frame small = frame_of(reduced.shrink(frame.view(), frame.width * height / frame.height, height));
    const Frame painted[3] = {enlarged_linearly(Painter(style, 0).paint(small), frame.width, frame.height),
                              Painter(style, height).paint(frame), Painter(style, 0).paint(frame)};
    const Gradients own = gradients_of(frame);
    const double full = steepness(own, gradients_of(painted[2]));
    for (int i = 0; i < 3; ++i) {
      const Gradients gradients = gradients_of(painted[i]);
      aligned[i] += alignment(own, gradients) / static_cast<double>(pictures.size());
      sharp[i] += steepness(own, gradients) / full / static_cast<double>(pictures.size());
    }
  }
  const char* names[] = {"enlarged linearly", "along the frame's edges", "painted in full"};
  std::printf("\n%-24s %8s %6s  (%zu pictures at a third)\n", "", "aligned", "sharp", pictures.size());
  for (int i = 0; i < 3; ++i) std::printf("%-24s %8.3f %6.2f\n", names[i], aligned[i], sharp[i]);
}

}  // namespace
}  // namespace adainstyle

int main(int argc, char** argv) {
  using namespace adainstyle;
  if (argc < 3) return std::fprintf(stderr, "usage: detail-benchmark STYLE PICTURE...\n"), 2;
  try {
    compare_times(argv[1], read_image(argv[2], 0));
    compare_detail(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "detail-benchmark: %s\n", error.what()), 1;
  }
}
