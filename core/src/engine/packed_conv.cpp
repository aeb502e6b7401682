// SPDX-License-Identifier: MIT
#include "engine/packed_conv.h"

#include <cstring>

namespace adainstyle::avx512 {
namespace {

int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Round to nearest even, as the CPU's own conversion does.
Bf16 to_bf16(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<Bf16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// weight: [outputs, inputs, taps] of one phase.
ConvGroup pack_group(const Step& step, const float* weight, int outputs, int inputs, const PackedConv& conv, int first,
                     int blocks) {
  ConvGroup group;
  group.first_channel = first;
  group.blocks = blocks;
  group.bias.assign(blocks * kLanes, 0.0f);
  group.original.assign(static_cast<std::size_t>(conv.tap_count) * conv.channel_pairs * blocks * 2 * kLanes, 0.0f);
  for (int o = 0; o < blocks * kLanes && first + o < outputs; ++o) {
    group.bias[o] = step.bias[first + o];
    for (int i = 0; i < inputs; ++i) {
      for (int tap = 0; tap < conv.tap_count; ++tap) {
        const std::size_t vector = (static_cast<std::size_t>(tap) * conv.channel_pairs + i / 2) * blocks + o / kLanes;
        group.original[vector * 2 * kLanes + o % kLanes * 2 + i % 2] =
            weight[(static_cast<std::size_t>(first + o) * inputs + i) * conv.tap_count + tap];
      }
    }
  }
  if (step.input_adain < 0) {
    group.weights.reserve(group.original.size());
    for (float w : group.original) group.weights.push_back(to_bf16(w));
    group.original = {};
  }
  return group;
}

}  // namespace

int stored_channels(const Plan& plan, int tensor) { return round_up(plan.tensors[tensor].channels, tensor == 0 ? 2 : kLanes); }

PackedConv pack_conv(const Plan& plan, const Step& step) {
  const int inputs = plan.tensors[step.input].channels;
  const int outputs = plan.tensors[step.output].channels;
  PackedConv conv;
  conv.phases = step.type == StepType::kPhaseConv ? 4 : 1;
  conv.tap_count = step.type == StepType::kConv3x3 ? 9 : step.type == StepType::kPhaseConv ? 4 : 1;
  conv.channel_pairs = stored_channels(plan, step.input) / 2;
  const int blocks = round_up(outputs, kLanes) / kLanes;
  const int groups = round_up(blocks, kMaxBlocks) / kMaxBlocks;
  for (int phase = 0; phase < conv.phases; ++phase) {
    const float* weight = step.weight.data() + static_cast<std::size_t>(phase) * outputs * inputs * conv.tap_count;
    for (int g = 0; g < groups; ++g) {  // as even as it goes: 5 blocks are 3 + 2, not 4 + 1
      const int first = blocks * g / groups;
      const int count = blocks * (g + 1) / groups - first;
      conv.groups.push_back(pack_group(step, weight, outputs, inputs, conv, first * kLanes, count));
    }
  }
  return conv;
}

}  // namespace adainstyle::avx512
