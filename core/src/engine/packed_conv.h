// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "engine/avx512_kernels.h"
#include "engine/plan.h"

namespace adainstyle::avx512 {

// Up to 64 output channels of a convolution (or of one phase of a phase convolution).
struct ConvGroup {
  int first_channel = 0;
  int blocks = 0;               // vectors of 16 output channels
  std::vector<Bf16> weights;    // Note [Packed weights]; empty where AdaIN is folded in at each frame
  std::vector<float> original;  // the same order in float32; only where AdaIN is folded in
  std::vector<float> bias;      // [blocks * 16]
};

struct PackedConv {
  int tap_count = 0;
  int channel_pairs = 0;
  int phases = 1;
  std::vector<ConvGroup> groups;  // [phase][group]

  int groups_per_phase() const { return static_cast<int>(groups.size()) / phases; }
};

// Channels that a tensor takes in memory: the picture's are padded to pairs, all others to whole vectors.
int stored_channels(const Plan& plan, int tensor);

PackedConv pack_conv(const Plan& plan, const Step& step);

}  // namespace adainstyle::avx512
