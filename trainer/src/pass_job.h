// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "padding.h"

namespace adainstyle {

// One pass over features as every value of its output sees it, for the GPU's kernels (cuda_passes.cu) and for the loop that proves
// them on a CPU (device_passes.cpp). What each pass means stands in feature_kernels.h. Features lie channels-last.
struct PassJob {
  enum class Kind {
    kPad,
    kPadBackward,
    kPoolAndPad,
    kChannelSums,
    kAffine,
    kReluBackward,
    kReluPoolBackward,
    kInterleavePhases,
    kSplitPhases,
  };

  Kind kind{};
  bool bfloat16 = false;           // of features; else float32
  int n = 0, h = 0, w = 0, c = 0;  // of the output; of kChannelSums: h runs of pixels, w 1
  int input_h = 0, input_w = 0;    // of `a`; of kReluPoolBackward: of `padded` without its border
  Padding padding = Padding::kReflect;
  bool relu = false;               // kInterleavePhases
  const void* a = nullptr;         // the features, or the first of two inputs
  const void* b = nullptr;         // the second; null: none
  const void* padded = nullptr;    // a gradient with a border; null: none
  const float* slope = nullptr;    // [n, c]; with offset; null: none
  const float* slope_b = nullptr;  // [n, c]
  const float* offset = nullptr;   // [n, c]
  void* output = nullptr;          // of kChannelSums: float32 [n, h, 2, c]
};

// Runs a job on a device's stream. Returns null, or what failed.
using PassRunner = const char* (*)(const PassJob& job, void* stream);

inline constexpr char kCudaPassesLibrary[] = "libadainstyle-trainer-cuda.so";
inline constexpr char kCudaPassesSymbol[] = "adainstyle_run_cuda_pass";

}  // namespace adainstyle

extern "C" const char* adainstyle_run_cuda_pass(const adainstyle::PassJob& job, void* stream);
