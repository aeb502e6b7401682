// SPDX-License-Identifier: MIT
#pragma once

#include "number_bits.h"
#include "padding.h"
#include "pass_job.h"

// What one value of a pass's output is. One struct a pass; run<T>() of each writes the value at a place, T being float or Half.

namespace adainstyle::pass_body {

struct Place {
  int n, y, x, c;
  std::int64_t index;
};

ADAINSTYLE_HOST_DEVICE inline Place place_of(const PassJob& job, std::int64_t index) {
  const auto flat = static_cast<std::uint32_t>(index);  // whoever makes a job sees to it that this is enough
  const auto c = static_cast<std::uint32_t>(job.c), w = static_cast<std::uint32_t>(job.w), h = static_cast<std::uint32_t>(job.h);
  const std::uint32_t pixel = flat / c, row = pixel / w;
  return {static_cast<int>(row / h), static_cast<int>(row % h), static_cast<int>(pixel % w), static_cast<int>(flat % c), index};
}

// Value (n, y, x, c) of features of height h and width w.
template <typename T>
ADAINSTYLE_HOST_DEVICE inline T value_at(const void* features, const PassJob& job, int h, int w, int n, int y, int x, int c) {
  return static_cast<const T*>(features)[((static_cast<std::int64_t>(n) * h + y) * w + x) * job.c + c];
}

template <typename T>
ADAINSTYLE_HOST_DEVICE inline void write(const PassJob& job, const Place& at, float value) {
  store(static_cast<T*>(job.output) + at.index, value);
}

// The sum of what a padded gradient holds for (n, y, x, c) of h x w.
template <typename T>
ADAINSTYLE_HOST_DEVICE inline float folded(const PassJob& job, int h, int w, int n, int y, int x, int c) {
  const Sources<int> rows(y, h, job.padding), columns(x, w, job.padding);
  float sum = 0.0f;
  for (int i = 0; i < rows.count; ++i) {
    for (int k = 0; k < columns.count; ++k) {
      sum += load(value_at<T>(job.padded, job, h + 2, w + 2, n, rows.at[i], columns.at[k], c));
    }
  }
  return sum;
}

struct Pad {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    static_cast<T*>(job.output)[at.index] =
        value_at<T>(job.a, job, job.input_h, job.input_w, at.n, shown(at.y, job.input_h, job.padding),
                    shown(at.x, job.input_w, job.padding), at.c);
  }
};

struct PadBackward {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    write<T>(job, at, folded<T>(job, job.h, job.w, at.n, at.y, at.x, at.c));
  }
};

// The four features of the window at (2 py, 2 px); where it hangs over the border its outer members repeat an inner one.
template <typename T>
ADAINSTYLE_HOST_DEVICE inline void read_window(const PassJob& job, int h, int w, int n, int py, int px, int c, float (&window)[4]) {
  for (int k = 0; k < 4; ++k) {
    const int y = 2 * py + k / 2, x = 2 * px + k % 2;
    window[k] = load(value_at<T>(job.a, job, h, w, n, y < h ? y : h - 1, x < w ? x : w - 1, c));
  }
}

ADAINSTYLE_HOST_DEVICE inline float largest_of(const float (&window)[4]) {
  const float upper = window[0] > window[1] ? window[0] : window[1], lower = window[2] > window[3] ? window[2] : window[3];
  return upper > lower ? upper : lower;
}

struct PoolAndPad {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    float window[4];
    read_window<T>(job, job.input_h, job.input_w, at.n, shown(at.y, job.h - 2, job.padding), shown(at.x, job.w - 2, job.padding),
                   at.c, window);
    write<T>(job, at, largest_of(window));
  }
};

// A run of pixels of one picture and channel: the sums of a and of a * b.
struct ChannelSums {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    const int pixels = job.input_h * job.input_w, length = (pixels + job.h - 1) / job.h;
    const int end = (at.y + 1) * length < pixels ? (at.y + 1) * length : pixels;
    float sum = 0.0f, products = 0.0f;
    for (int pixel = at.y * length; pixel < end; ++pixel) {
      const float a = load(value_at<T>(job.a, job, 1, pixels, at.n, 0, pixel, at.c));
      sum += a;
      products += a * load(value_at<T>(job.b, job, 1, pixels, at.n, 0, pixel, at.c));
    }
    float* out = static_cast<float*>(job.output) + (static_cast<std::int64_t>(at.n) * job.h + at.y) * 2 * job.c + at.c;
    out[0] = sum;
    out[job.c] = products;
  }
};

struct Affine {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    const int channel = at.n * job.c + at.c;
    float sum = job.slope[channel] * load(static_cast<const T*>(job.a)[at.index]) + job.offset[channel];
    if (job.b != nullptr) sum += job.slope_b[channel] * load(static_cast<const T*>(job.b)[at.index]);
    write<T>(job, at, sum);
  }
};

struct ReluBackward {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    const float feature = load(static_cast<const T*>(job.a)[at.index]);
    float sum = 0.0f;
    if (feature > 0.0f) {
      const int channel = at.n * job.c + at.c;
      if (job.padded != nullptr) sum += folded<T>(job, job.h, job.w, at.n, at.y, at.x, at.c);
      if (job.b != nullptr) sum += load(static_cast<const T*>(job.b)[at.index]);
      if (job.offset != nullptr) sum += job.offset[channel] + job.slope[channel] * feature;
    }
    write<T>(job, at, sum);
  }
};

// A window's gradient goes to the first that equals its maximum, if that is above zero.
struct ReluPoolBackward {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    float window[4];
    read_window<T>(job, job.h, job.w, at.n, at.y / 2, at.x / 2, at.c, window);
    const float largest = largest_of(window);
    const int own = at.y % 2 * 2 + at.x % 2;
    bool mine = largest > 0.0f && window[own] == largest;
    for (int k = 0; k < own; ++k) mine = mine && window[k] != largest;
    write<T>(job, at, mine ? folded<T>(job, job.input_h, job.input_w, at.n, at.y / 2, at.x / 2, at.c) : 0.0f);
  }
};

struct InterleavePhases {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    const int dy = at.y % 2, dx = at.x % 2;
    const std::int64_t pixel = (static_cast<std::int64_t>(at.n) * job.input_h + at.y / 2 + dy) * job.input_w + at.x / 2 + dx;
    const T value = static_cast<const T*>(job.a)[(pixel * 4 + 2 * dy + dx) * job.c + at.c];
    static_cast<T*>(job.output)[at.index] = job.relu && !(load(value) > 0.0f) ? T(0) : value;
  }
};

// The output has four times the channels of `a`, the gradient, and of `b`, the features if there was a ReLU.
struct SplitPhases {
  template <typename T>
  ADAINSTYLE_HOST_DEVICE static void run(const PassJob& job, const Place& at) {
    const int channels = job.c / 4, phase = at.c / channels;
    // Phase (dy, dx) at (row, column) made pixel (2 (row - dy) + dy, 2 (column - dx) + dx); some made none.
    const int y = 2 * at.y - phase / 2, x = 2 * at.x - phase % 2;
    T value = T(0);
    if (y >= 0 && y < job.input_h && x >= 0 && x < job.input_w) {
      const std::int64_t source =
          ((static_cast<std::int64_t>(at.n) * job.input_h + y) * job.input_w + x) * channels + at.c % channels;
      const bool open = job.b == nullptr || load(static_cast<const T*>(job.b)[source]) > 0.0f;
      if (open) value = static_cast<const T*>(job.a)[source];
    }
    static_cast<T*>(job.output)[at.index] = value;
  }
};

// Calls call(body) with the struct of the job's pass.
template <typename Call>
void with_body(PassJob::Kind kind, const Call& call) {
  switch (kind) {
    case PassJob::Kind::kPad: return call(Pad{});
    case PassJob::Kind::kPadBackward: return call(PadBackward{});
    case PassJob::Kind::kPoolAndPad: return call(PoolAndPad{});
    case PassJob::Kind::kChannelSums: return call(ChannelSums{});
    case PassJob::Kind::kAffine: return call(Affine{});
    case PassJob::Kind::kReluBackward: return call(ReluBackward{});
    case PassJob::Kind::kReluPoolBackward: return call(ReluPoolBackward{});
    case PassJob::Kind::kInterleavePhases: return call(InterleavePhases{});
    case PassJob::Kind::kSplitPhases: return call(SplitPhases{});
  }
}

}  // namespace adainstyle::pass_body
