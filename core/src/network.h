// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace adainstyle {

// Note [The network is data]
// An encoder and a decoder are lists of these operations, kept as JSON in the model file. The engine lowers the lists to fused
// steps, the trainer and the tests run them operation by operation with ordinary ATen calls (plain_network.h). A new topology
// needs no new code as long as it is made of these.
enum class OpType {
  kConv3x3,          // 3x3, reflection padding 1, bias; stride 1 or 2; with or without ReLU. Weight [outputs, inputs, 3, 3]
  kConv1x1,          // 1x1, bias; with or without ReLU. Weight [outputs, inputs, 1, 1]
  kMaxPool,          // 2x2, stride 2, ceil mode
  kUpsampleNearest,  // x2
  kPixelUnshuffle,   // x2: channel c, offset (dy, dx) becomes channel c*4 + dy*2 + dx
  kPixelShuffle,     // x2: the inverse
  kResidual,         // x + b(relu(a(x))), a and b conv3x3 of `inputs` channels; tensors NAME.a.weight, NAME.b.weight, ...
  kTap,              // remembers the channel statistics of the features here under `tap` (encoder only)
  kAdaIN,            // gives the features here the style's statistics of tap `tap` (decoder only)
};

struct Operation {
  OpType type = OpType::kConv3x3;
  std::string name;   // conv and residual: prefix of the tensor names
  int inputs = 0;     // channels
  int outputs = 0;    // channels; equal to inputs for kResidual
  int stride = 1;     // kConv3x3: 1 or 2
  bool relu = false;  // kConv3x3, kConv1x1
  int tap = -1;       // kTap, kAdaIN
};

struct Network {
  std::vector<Operation> encoder;
  std::vector<Operation> decoder;
  float eps = 1e-5f;  // AdaIN's: std = sqrt(biased variance + eps)
};

// Limits checked when a description is read; they bound what a hostile file can make the engine allocate.
constexpr int kMaxOperations = 256;  // in one list
constexpr int kMaxChannels = 2048;
constexpr int kMaxTaps = 8;
constexpr int kMaxStride = 32;  // overall downscaling of the encoder

// One tensor that a network needs.
struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
};

// What the operation is called in a description: "conv3x3", "tap", ...
const char* operation_name(OpType type);

// Reads {"encoder": [...], "decoder": [...]} (the checkpoint's network.json shows the form) and validates it.
// Throws Error(kMalformedModel) that names list, position, field and what was expected.
Network network_from_json(const nlohmann::json& description);
nlohmann::json network_to_json(const Network& network);

// Checks that channels follow from one operation to the next (3 in, 3 out), that every AdaIN's tap exists with the same number
// of channels, that taps are distinct, that names are distinct and that the decoder brings back the encoder's size.
void validate(const Network& network);

// Every weight and bias, in order of first use.
std::vector<TensorSpec> required_tensors(const Network& network);

// The factor by which the encoder's coarsest features are smaller than the picture; picture sizes are extended to a multiple of it.
int overall_stride(const Network& network);

// How many picture pixels around a painted pixel it depends on, the statistics aside; never too few.
int receptive_radius(const Network& network);

// Channels of the features at each tap, indexed by tap.
std::vector<int> tap_channels(const Network& network);

// Multiply-adds for one picture pixel, nominal (before any rewrite).
double multiply_adds_per_pixel(const Network& network);

}  // namespace adainstyle
