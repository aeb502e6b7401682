// SPDX-License-Identifier: MIT
#pragma once

// What the GPU engine asks of its kernels, in plain structures that a kernel takes by value. feature_body.h and adain_body.h say what
// happens to one element, for the GPU's kernels (cuda_kernels.cu) and for the CPU loops of the tests alike. Pointers are to device
// memory.

namespace adainstyle {

enum class NumberFormat { kFp32, kFp16, kBf16 };

// Channels are stored in groups of this many, the last one filled up with channels that are zero: 16 bytes of 16-bit numbers, which a
// thread reads at once, and what tensor cores want.
constexpr int kGroup = 8;

constexpr int stored_channels(int channels) { return (channels + kGroup - 1) / kGroup * kGroup; }

// Features of one picture: [height + 2 * border][width + 2 * border][channels].
struct FeatureMap {
  void* data = nullptr;
  int width = 0;  // without the border
  int height = 0;
  int channels = 0;  // stored
  int border = 0;    // pixels on each side: 0 or 1
};

// What lies in a border: -1 is pixel 1, or pixel 0.
enum class Border { kReflected, kReplicated };

// Which pixels count how much: the inside of a mask (Note [Regions] in region_weights.h). Row y begins at inside[y * pitch].
struct RegionPlane {
  const float* inside = nullptr;  // 0..1; nullptr: there is one region, and all of it counts
  int pitch = 0;
};

// One pass over features. Each pixel of the output is made from the input, border included; on the way it is measured.
struct FeatureJob {
  enum class Kind {
    kKeep,        // as they are: measures, or copies
    kBorder,      // in place: writes the border of `output` and nothing else
    kMaxPool,     // 2x2
    kUpsample,    // nearest, x2
    kInterleave,  // the four phases of a phase convolution, channels [4][output.channels], phase (dy, dx) from row dy, column dx on
    kUnshuffle,   // pixel-unshuffle and pixel-shuffle, x2, channels as in network.h
    kShuffle,
    kAdd,    // what a convolution left out: bias, and the skip tensor of a residual block
    kAdaIN,  // scale and shift per channel; in two regions, blended by the share of the inside
  };

  Kind kind = Kind::kKeep;
  FeatureMap input;
  FeatureMap output;  // data nullptr: only measures
  Border border = Border::kReflected;

  // kAdd, kInterleave
  const float* bias = nullptr;  // [input.channels]
  bool relu = false;            // behind it
  FeatureMap skip;              // kAdd; data nullptr: none

  // kAdaIN, by region: [2][channels], scale and shift. The second one nullptr: the first one's is for all pixels.
  const float* affine[2] = {};

  // Measuring (Note [Measuring] in feature_body.h). partials nullptr: not measured.
  RegionPlane plane;  // kAdaIN in two regions too
  float* partials = nullptr;
  int parts = 0;    // into which the pixels are divided
  int regions = 1;  // measured: 2 has the outside too
};

// How many floats `partials` are.
constexpr int partial_floats(int channels, int parts, int regions) { return channels * (1 + 2 * parts * regions); }

// The state of an exponential average of statistics that lives on the device (StatisticsSmoother in temporal.h).
struct SmoothingVectors {
  float* average = nullptr;   // [regions][2][channels]; nullptr: no smoothing
  int* generation = nullptr;  // [1 + points]: the generation that counts, and each point's
  int point = 0;
  bool first = false;  // of the frame
};

// Numbers of a frame that change without a new graph: what the graph's kernels read from device memory.
struct FrameNumbers {
  float strength;
  float share;       // of a new value in the average
  float jump;        // of the first point's means in standard deviations, from which on the average begins anew
  float begin_anew;  // 0 or 1
  float restyled;    // 0 or 1: every average but the first point's begins anew
};

// From what a FeatureJob measured to statistics, and from these to what AdaIN is told to make and its scale and shift.
struct PointJob {
  const float* partials = nullptr;
  double* sums = nullptr;  // [regions][2][channels], scratch
  int parts = 0;
  int regions = 1;
  int channels = 0;  // stored
  int used = 0;      // of them
  float eps = 0.0f;
  const float* weights = nullptr;  // [regions]: sums of the pixels' shares
  const FrameNumbers* frame = nullptr;
  SmoothingVectors smoothing;

  float* content[2] = {};      // out, by region: [2][channels], mean and std
  const float* style[2] = {};  // [2][channels]

  // Note [Strength] in plain_network.h: what the frame's AdaINs of this tap make, between content and style. nullptr: no tap.
  float* blended[2] = {};

  // At an AdaIN point, by region. target: what AdaIN makes, nullptr where only the mean counts; affine: out, [2][channels].
  const float* target[2] = {};
  float* affine[2] = {};
  float* mean = nullptr;  // out, [channels]: of all pixels, after AdaIN. nullptr: no AdaIN point
};

// What the rounding of a convolution's weights does to the mean of its input, taken out of its bias (Note [Flat frames] in plan.h).
struct CorrectionJob {
  const float* rounding = nullptr;  // [outputs][channels]: what the weights lost, summed over the kernel's pixels
  const float* bias = nullptr;      // [outputs]
  const float* mean = nullptr;      // [channels]
  int outputs = 0;
  int channels = 0;
  float* corrected = nullptr;  // out, [outputs]
};

}  // namespace adainstyle
