// SPDX-License-Identifier: MIT
#include "reduced_frame.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

// Loops over rows, compiled for several CPUs; which one runs is chosen when the library is loaded. AddressSanitizer's runtime is not
// ready yet at that moment.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define ADAINSTYLE_ROW_LOOP [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define ADAINSTYLE_ROW_LOOP
#endif

namespace adainstyle {
namespace {

constexpr int kRadius = 2;     // of the window
constexpr float kEps = 20.0f;  // of the variance of brightness, levels squared: beyond sensor noise, below what counts as an edge
constexpr int kBandRows = 48;  // of the large painting, one piece of work

// Brightness in 256ths of a level, as everywhere.
constexpr float kRed = 77.0f / 256.0f;
constexpr float kGreen = 150.0f / 256.0f;
constexpr float kBlue = 29.0f / 256.0f;

ADAINSTYLE_ROW_LOOP void add_bytes(const std::uint8_t* row, int count, float weight, float* sums) {
  for (int i = 0; i < count; ++i) sums[i] += weight * static_cast<float>(row[i]);
}

template <int Bytes>
[[gnu::always_inline]] inline void brightness_of(const std::uint8_t* row, const PixelLayout& layout, int count, float* brightness) {
  const std::uint8_t* red = row + layout.red;
  const std::uint8_t* green = row + layout.green;
  const std::uint8_t* blue = row + layout.blue;
  for (int x = 0; x < count; ++x) {
    brightness[x] = kRed * static_cast<float>(red[x * Bytes]) + kGreen * static_cast<float>(green[x * Bytes]) +
                    kBlue * static_cast<float>(blue[x * Bytes]);
  }
}

ADAINSTYLE_ROW_LOOP void brightness_row(const std::uint8_t* row, const PixelLayout& layout, int count, float* brightness) {
  layout.bytes == 4 ? brightness_of<4>(row, layout, count, brightness) : brightness_of<3>(row, layout, count, brightness);
}

// The sums over the window's columns of L, L^2, and of s and L s for each colour: [8][width].
ADAINSTYLE_ROW_LOOP void add_moments(const float* planes, int width, float* sums) {
  const float* light = planes;
  for (int x = 0; x < width; ++x) {
    sums[x] += light[x];
    sums[width + x] += light[x] * light[x];
  }
  for (int c = 0; c < 3; ++c) {
    const float* color = planes + static_cast<std::ptrdiff_t>(c + 1) * width;
    float* sum = sums + static_cast<std::ptrdiff_t>(2 + 2 * c) * width;
    for (int x = 0; x < width; ++x) {
      sum[x] += color[x];
      sum[width + x] += light[x] * color[x];
    }
  }
}

// The sums over the window's rows.
ADAINSTYLE_ROW_LOOP void add_across(const float* column, int width, float* across) {
  for (int x = kRadius; x < width - kRadius; ++x) {
    float sum = 0.0f;
    for (int k = -kRadius; k <= kRadius; ++k) sum += column[x + k];
    across[x] = sum;
  }
  for (int x = 0; x < width; x = x == kRadius - 1 ? width - kRadius : x + 1) {  // the ends
    float sum = 0.0f;
    for (int k = std::max(x - kRadius, 0); k <= std::min(x + kRadius, width - 1); ++k) sum += column[k];
    across[x] = sum;
  }
}

// a and b from the moments over the window, both for one colour.
ADAINSTYLE_ROW_LOOP void fit_line(const float* light_sums, const float* color_sums, const float* count, const float* light,
                                  const float* color, int width, float* a, float* b) {
  for (int x = 0; x < width; ++x) {
    const float mean_light = light_sums[x] * count[x];
    const float variance = light_sums[width + x] * count[x] - mean_light * mean_light;
    const float covariance = color_sums[width + x] * count[x] - mean_light * color_sums[x] * count[x];
    a[x] = covariance / (std::max(variance, 0.0f) + kEps);
    b[x] = color[x] - a[x] * light[x];
  }
}

ADAINSTYLE_ROW_LOOP void expand_line(const float* from, const int* at, const float* fraction, int count, float* to) {
  for (int x = 0; x < count; ++x) to[x] = from[at[x]] + fraction[x] * (from[at[x] + 1] - from[at[x]]);
}

// One colour of one row: both coefficients between two expanded rows, times the brightness, in levels.
ADAINSTYLE_ROW_LOOP void paint_line(const float* a0, const float* a1, const float* b0, const float* b1, float fraction,
                                    const float* light, int count, std::uint8_t* levels) {
  for (int x = 0; x < count; ++x) {
    const float a = a0[x] + fraction * (a1[x] - a0[x]);
    const float b = b0[x] + fraction * (b1[x] - b0[x]);
    levels[x] = static_cast<std::uint8_t>(static_cast<int>(std::min(std::max(a * light[x] + b + 0.5f, 0.0f), 255.0f)));
  }
}

template <int Bytes>
[[gnu::always_inline]] inline void store_colors(const std::uint8_t* red, const std::uint8_t* green, const std::uint8_t* blue,
                                                const PixelLayout& layout, int count, std::uint8_t* row) {
  for (int x = 0; x < count; ++x) {
    row[x * Bytes + layout.red] = red[x];
    row[x * Bytes + layout.green] = green[x];
    row[x * Bytes + layout.blue] = blue[x];
  }
}

ADAINSTYLE_ROW_LOOP void store_row(const std::uint8_t* red, const std::uint8_t* green, const std::uint8_t* blue,
                                   const PixelLayout& layout, int count, std::uint8_t* row) {
  layout.bytes == 4 ? store_colors<4>(red, green, blue, layout, count, row) : store_colors<3>(red, green, blue, layout, count, row);
}

void store_alpha(const std::uint8_t* source, const PixelLayout& from, const PixelLayout& to, int count, std::uint8_t* row) {
  if (to.alpha < 0) return;
  const bool copies = from.has_alpha && to.has_alpha;
  for (int x = 0; x < count; ++x) row[x * to.bytes + to.alpha] = copies ? source[x * from.bytes + from.alpha] : std::uint8_t{255};
}

}  // namespace

ImageView ReducedFrame::shrink(const ImageView& frame, int width, int height) {
  resize(frame.width, frame.height, width, height);
#pragma omp parallel num_threads(threads_)
  {
    float* sums = scratch_of_thread();
#pragma omp for schedule(static)
    for (int y = 0; y < height_; ++y) shrink_row(frame, y, sums);
  }
  ImageView view;
  view.width = width_;
  view.height = height_;
  view.planes[0] = small_.data();
  view.strides[0] = static_cast<std::ptrdiff_t>(width_) * 3;
  return view;
}

MutableImageView ReducedFrame::painting() {
  MutableImageView view;
  view.width = width_;
  view.height = height_;
  view.planes[0] = painting_.data();
  view.strides[0] = static_cast<std::ptrdiff_t>(width_) * 3;
  return view;
}

void ReducedFrame::enlarge(const ImageView& frame, const MutableImageView& output) {
#pragma omp parallel num_threads(threads_)
  {
    float* scratch = scratch_of_thread();
#pragma omp for schedule(static)
    for (int y = 0; y < height_; ++y) split_row(y);
#pragma omp for schedule(static)
    for (int y = 0; y < height_; ++y) fit_row(y, scratch);
#pragma omp for schedule(dynamic, 1)
    for (int y = 0; y < frame_height_; y += kBandRows) {
      enlarge_rows(frame, output, y, std::min(y + kBandRows, frame_height_), scratch);
    }
  }
}

ReducedFrame::Places ReducedFrame::enlarged_places(int from, int to) {
  Places places;
  for (int i = 0; i < to; ++i) {
    const double middle = std::clamp((i + 0.5) * from / to - 0.5, 0.0, from - 1.0);
    places.at.push_back(std::min(static_cast<int>(middle), from - 2));
    places.fraction.push_back(static_cast<float>(middle - places.at.back()));
  }
  return places;
}

void ReducedFrame::resize(int frame_width, int frame_height, int width, int height) {
  if (frame_width == frame_width_ && frame_height == frame_height_ && width == width_ && height == height_) return;
  frame_width_ = frame_width;
  frame_height_ = frame_height;
  width_ = width;
  height_ = height;
  const std::size_t pixels = static_cast<std::size_t>(width) * height;
  small_.assign(pixels * 3, 0);
  painting_.assign(pixels * 3, 0);
  planes_.assign(pixels * kPlanes, 0.0f);
  coefficients_.assign(pixels * kCoefficients, 0.0f);
  scratch_.assign(static_cast<std::size_t>(threads_) * kScratchRows * frame_width, 0.0f);
  columns_ = enlarged_places(width, frame_width);
  rows_ = enlarged_places(height, frame_height);
}

void ReducedFrame::shrink_row(const ImageView& frame, int y, float* sums) {
  const PixelLayout layout = pixel_layout(frame.format);
  const int offsets[3] = {layout.red, layout.green, layout.blue};
  const double tall = static_cast<double>(frame_height_) / height_;
  const double wide = static_cast<double>(frame_width_) / width_;
  const auto covered = [](double begin, double end, int pixel) {
    return static_cast<float>(std::min(end, pixel + 1.0) - std::max(begin, static_cast<double>(pixel)));
  };
  std::fill_n(sums, static_cast<std::size_t>(frame_width_) * layout.bytes, 0.0f);
  for (int line = static_cast<int>(y * tall); line < std::min<double>((y + 1) * tall, frame_height_); ++line) {
    const float share = covered(y * tall, (y + 1) * tall, line);
    add_bytes(frame.planes[0] + line * frame.strides[0], frame_width_ * layout.bytes, share, sums);
  }
  const auto area = static_cast<float>(1.0 / (tall * wide));
  std::uint8_t* out = small_.data() + static_cast<std::ptrdiff_t>(y) * width_ * 3;
  for (int x = 0; x < width_; ++x) {
    float color[3] = {};
    const int end = static_cast<int>(std::min(std::ceil((x + 1) * wide), static_cast<double>(frame_width_)));
    for (int column = static_cast<int>(x * wide); column < end; ++column) {
      const float share = covered(x * wide, (x + 1) * wide, column);
      for (int c = 0; c < 3; ++c) color[c] += share * sums[column * layout.bytes + offsets[c]];
    }
    for (int c = 0; c < 3; ++c) out[x * 3 + c] = static_cast<std::uint8_t>(std::min(color[c] * area + 0.5f, 255.0f));
  }
}

void ReducedFrame::split_row(int y) {
  const PixelLayout rgb = pixel_layout(PixelFormat::kRGB);
  const std::uint8_t* painted = painting_.data() + static_cast<std::ptrdiff_t>(y) * width_ * 3;
  float* planes = planes_.data() + static_cast<std::ptrdiff_t>(y) * kPlanes * width_;
  brightness_row(small_.data() + static_cast<std::ptrdiff_t>(y) * width_ * 3, rgb, width_, planes);
  for (int c = 0; c < 3; ++c) {
    for (int x = 0; x < width_; ++x) planes[(c + 1) * width_ + x] = static_cast<float>(painted[x * 3 + c]);
  }
}

float* ReducedFrame::scratch_of_thread() {
  return scratch_.data() + static_cast<std::ptrdiff_t>(omp_get_thread_num()) * kScratchRows * frame_width_;
}

// At the frame's edges the window is cut off.
void ReducedFrame::fit_row(int y, float* scratch) {
  constexpr int kMoments = 8;
  float* sums = scratch;
  const std::ptrdiff_t width = width_;
  float* window = sums + kMoments * width;
  float* count = sums;  // reused below, when the columns have been summed
  std::fill_n(sums, kMoments * width, 0.0f);
  const int top = std::max(y - kRadius, 0);
  const int bottom = std::min(y + kRadius, height_ - 1);
  for (int line = top; line <= bottom; ++line) add_moments(planes_.data() + line * kPlanes * width, width_, sums);
  for (int m = 0; m < kMoments; ++m) {
    const float* column = sums + m * width;
    float* across = window + m * width;
    add_across(column, width_, across);
  }
  for (int x = 0; x < width_; ++x) {
    const int columns = std::min(x + kRadius, width_ - 1) - std::max(x - kRadius, 0) + 1;
    count[x] = 1.0f / static_cast<float>(columns * (bottom - top + 1));
  }
  const float* planes = planes_.data() + y * kPlanes * width;
  float* coefficients = coefficients_.data() + y * kCoefficients * width;
  for (int c = 0; c < 3; ++c) {
    fit_line(window, window + (2 + 2 * c) * width, count, planes, planes + (c + 1) * width, width_, coefficients + 2 * c * width,
             coefficients + (2 * c + 1) * width);
  }
}

void ReducedFrame::expand_row(int y, float* expanded) const {
  for (int i = 0; i < kCoefficients; ++i) {
    expand_line(coefficients_.data() + (static_cast<std::ptrdiff_t>(y) * kCoefficients + i) * width_, columns_.at.data(),
                columns_.fraction.data(), frame_width_, expanded + static_cast<std::ptrdiff_t>(i) * frame_width_);
  }
}

void ReducedFrame::enlarge_rows(const ImageView& frame, const MutableImageView& output, int begin, int end, float* scratch) const {
  const PixelLayout from = pixel_layout(frame.format);
  const PixelLayout to = pixel_layout(output.format);
  const std::ptrdiff_t width = frame_width_;
  float* upper = scratch;
  float* lower = scratch + kCoefficients * width;
  float* light = lower + kCoefficients * width;
  auto* levels = reinterpret_cast<std::uint8_t*>(light + width);  // of the three colours
  int expanded = -2;                                              // the small row that `upper` holds; `lower` holds the next one
  for (int y = begin; y < end; ++y) {
    const int row = rows_.at[y];
    if (row == expanded + 1) {
      std::swap(upper, lower);
      expand_row(row + 1, lower);
    } else if (row != expanded) {
      expand_row(row, upper);
      expand_row(row + 1, lower);
    }
    expanded = row;
    const std::uint8_t* source = frame.planes[0] + y * frame.strides[0];
    std::uint8_t* target = output.planes[0] + y * output.strides[0];
    brightness_row(source, from, frame_width_, light);
    for (int c = 0; c < 3; ++c) {
      const float* a = upper + 2 * c * width;
      const float* a_next = lower + 2 * c * width;
      paint_line(a, a_next, a + width, a_next + width, rows_.fraction[y], light, frame_width_, levels + c * width);
    }
    store_alpha(source, from, to, frame_width_, target);
    store_row(levels, levels + width, levels + 2 * width, to, frame_width_, target);
  }
}

}  // namespace adainstyle
