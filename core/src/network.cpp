// SPDX-License-Identifier: MIT
#include "network.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "adainstyle/error.h"
#include "json_text.h"

namespace adainstyle {
namespace {

constexpr int kPictureChannels = 3;
constexpr int kShuffleFactor = 2;                              // of the pixel shuffles and of the upsampling
constexpr int kShuffleArea = kShuffleFactor * kShuffleFactor;  // channels that become one, or one that becomes them
constexpr std::size_t kMaxNameLength = 100;

[[noreturn]] void malformed(const std::string& where, const std::string& expectation) {
  throw Error(ErrorCode::kMalformedModel, "network " + where + ": " + expectation + ".");
}

std::string position(const char* list, std::size_t index) { return std::string(list) + "[" + std::to_string(index) + "]"; }

// The convolutions inside one operation: none, one, or the two of a residual block.
struct Convolution {
  std::string name;
  int inputs;
  int outputs;
  int kernel;
};

std::vector<Convolution> convolutions(const Operation& operation) {
  switch (operation.type) {
    case OpType::kConv3x3: return {{operation.name, operation.inputs, operation.outputs, 3}};
    case OpType::kConv1x1: return {{operation.name, operation.inputs, operation.outputs, 1}};
    case OpType::kResidual:
      return {{operation.name + ".a", operation.inputs, operation.inputs, 3},
              {operation.name + ".b", operation.inputs, operation.inputs, 3}};
    default: return {};
  }
}

// The features between two operations.
struct Features {
  int channels = kPictureChannels;
  int stride = 1;    // picture size / feature size
  int coarsest = 1;  // largest stride so far
};

void check_channel_count(int channels, const std::string& where, const char* what) {
  if (channels < 1 || channels > kMaxChannels) {
    malformed(where, std::string("expected ") + what + " from 1 to " + std::to_string(kMaxChannels) + ", found " +
                         std::to_string(channels));
  }
}

void check_convolution(const Operation& operation, const Features& features, const std::string& where) {
  check_channel_count(operation.inputs, where, "inputs");
  check_channel_count(operation.outputs, where, "outputs");
  if (operation.inputs != features.channels) {
    malformed(where, "expected " + std::to_string(features.channels) + " input channels, which is what comes before it, found " +
                         std::to_string(operation.inputs));
  }
  if (operation.type == OpType::kResidual && operation.outputs != operation.inputs) {
    malformed(where, "expected as many outputs as inputs");
  }
  const int largest_stride = operation.type == OpType::kConv3x3 ? 2 : 1;
  if (operation.stride < 1 || operation.stride > largest_stride) {
    malformed(where,
              "expected a stride from 1 to " + std::to_string(largest_stride) + ", found " + std::to_string(operation.stride));
  }
  const bool legal = std::all_of(operation.name.begin(), operation.name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
  if (operation.name.empty() || operation.name.size() > kMaxNameLength || !legal) {
    malformed(where, "expected a name of 1 to " + std::to_string(kMaxNameLength) + " letters, digits, '_', '.' or '-', found " +
                         in_quotes(operation.name));
  }
}

// What the features are after an operation that was checked.
Features after(const Operation& operation, Features features) {
  switch (operation.type) {
    case OpType::kConv3x3:
    case OpType::kConv1x1:
      features.channels = operation.outputs;
      features.stride *= operation.stride;
      break;
    case OpType::kMaxPool: features.stride *= 2; break;
    case OpType::kUpsampleNearest: features.stride /= kShuffleFactor; break;
    case OpType::kPixelUnshuffle:
      features.channels *= kShuffleArea;
      features.stride *= kShuffleFactor;
      break;
    case OpType::kPixelShuffle:
      features.channels /= kShuffleArea;
      features.stride /= kShuffleFactor;
      break;
    case OpType::kResidual:
    case OpType::kTap:
    case OpType::kAdaIN: break;
  }
  features.coarsest = std::max(features.coarsest, features.stride);
  return features;
}

Features checked_after(const Operation& operation, const Features& before, const std::string& where) {
  if (!convolutions(operation).empty()) check_convolution(operation, before, where);
  const bool enlarges = operation.type == OpType::kUpsampleNearest || operation.type == OpType::kPixelShuffle;
  if (enlarges && before.stride == 1) malformed(where, "expected features smaller than the picture before it");
  if (operation.type == OpType::kPixelShuffle && before.channels % kShuffleArea != 0) {
    malformed(where, "expected a multiple of 4 channels before it, found " + std::to_string(before.channels));
  }
  const Features result = after(operation, before);
  check_channel_count(result.channels, where, "channels after it");
  if (result.stride > kMaxStride) {
    malformed(where, "expected features at least 1/" + std::to_string(kMaxStride) + " of the picture's size");
  }
  return result;
}

// Walks one list, checks each operation and hands it with the features before it to `visit`.
template <typename Visit>
Features check_list(const std::vector<Operation>& operations, const char* list, Features features, Visit visit) {
  if (operations.size() > static_cast<std::size_t>(kMaxOperations)) {
    malformed(list, "expected at most " + std::to_string(kMaxOperations) + " operations");
  }
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const std::string where = position(list, i) + " (" + operation_name(operations[i].type) + ")";
    visit(operations[i], features, where);
    features = checked_after(operations[i], features, where);
  }
  return features;
}

void check_tap_index(int tap, const std::string& where) {
  if (tap < 0 || tap >= kMaxTaps) {
    malformed(where, "expected a tap from 0 to " + std::to_string(kMaxTaps - 1) + ", found " + std::to_string(tap));
  }
}

// The checks of the encoder's taps; returns their channels.
class TapTable {
 public:
  void add(const Operation& operation, const Features& features, const std::string& where) {
    if (operation.type == OpType::kAdaIN) malformed(where, "adain belongs in the decoder");
    if (operation.type != OpType::kTap) return;
    check_tap_index(operation.tap, where);
    if (channels_[operation.tap] != 0) malformed(where, "tap " + std::to_string(operation.tap) + " is there twice");
    channels_[operation.tap] = features.channels;
    count_ = std::max(count_, operation.tap + 1);
  }

  void expect_no_gap() const {
    for (int tap = 0; tap < count_; ++tap) {
      if (channels_[tap] == 0) {
        malformed("encoder", "expected taps to be numbered from 0 on, tap " + std::to_string(tap) + " is missing");
      }
    }
  }

  void check_use(const Operation& operation, const Features& features, const std::string& where) const {
    if (operation.type == OpType::kTap) malformed(where, "tap belongs in the encoder");
    if (operation.type != OpType::kAdaIN) return;
    check_tap_index(operation.tap, where);
    if (channels_[operation.tap] == 0) malformed(where, "the encoder has no tap " + std::to_string(operation.tap));
    if (channels_[operation.tap] != features.channels) {
      malformed(where, "expected " + std::to_string(channels_[operation.tap]) + " channels as at tap " +
                           std::to_string(operation.tap) + ", found " + std::to_string(features.channels));
    }
  }

 private:
  int channels_[kMaxTaps] = {};
  int count_ = 0;
};

void check_tensor_names(const Network& network) {
  std::set<std::string> names;
  for (const TensorSpec& tensor : required_tensors(network)) {
    if (!names.insert(tensor.name).second) malformed("names", "tensor " + in_quotes(tensor.name) + " belongs to two operations");
  }
}

}  // namespace

void validate(const Network& network) {
  if (!std::isfinite(network.eps) || network.eps <= 0 || network.eps > 1) {
    malformed("eps", "expected a number above 0, at most 1");
  }
  TapTable taps;
  const Features encoded = check_list(network.encoder, "encoder", {},
                                      [&](const Operation& operation, const Features& features, const std::string& where) {
                                        taps.add(operation, features, where);
                                      });
  taps.expect_no_gap();
  const Features decoded = check_list(network.decoder, "decoder", encoded,
                                      [&](const Operation& operation, const Features& features, const std::string& where) {
                                        taps.check_use(operation, features, where);
                                      });
  if (decoded.channels != kPictureChannels) {
    malformed("decoder", "expected it to end with 3 channels, found " + std::to_string(decoded.channels));
  }
  if (decoded.stride != 1) {
    malformed("decoder", "expected it to end with the picture's size, found 1/" + std::to_string(decoded.stride) + " of it");
  }
  check_tensor_names(network);
}

std::vector<TensorSpec> required_tensors(const Network& network) {
  std::vector<TensorSpec> tensors;
  for (const auto* list : {&network.encoder, &network.decoder}) {
    for (const Operation& operation : *list) {
      for (const Convolution& conv : convolutions(operation)) {
        tensors.push_back({conv.name + ".weight", {conv.outputs, conv.inputs, conv.kernel, conv.kernel}});
        tensors.push_back({conv.name + ".bias", {conv.outputs}});
      }
    }
  }
  return tensors;
}

int receptive_radius(const Network& network) {
  int radius = 0;
  int scale = 1;  // picture pixels of one feature pixel
  for (const std::vector<Operation>* list : {&network.encoder, &network.decoder}) {
    for (const Operation& op : *list) {
      const bool coarser =
          op.type == OpType::kMaxPool || op.type == OpType::kPixelUnshuffle || (op.type == OpType::kConv3x3 && op.stride == 2);
      const bool finer = op.type == OpType::kUpsampleNearest || op.type == OpType::kPixelShuffle;
      if (op.type == OpType::kConv3x3) radius += scale;
      if (op.type == OpType::kResidual) radius += 2 * scale;
      // Where the grid changes, a pixel stands for the whole cell it lies in.
      if (coarser) radius += scale *= 2;
      if (finer) radius += std::exchange(scale, std::max(scale / 2, 1));
    }
  }
  return radius;
}

int overall_stride(const Network& network) {
  Features features;
  for (const auto* list : {&network.encoder, &network.decoder}) {
    for (const Operation& operation : *list) features = after(operation, features);
  }
  return features.coarsest;
}

std::vector<int> tap_channels(const Network& network) {
  std::vector<int> channels;
  Features features;
  for (const Operation& operation : network.encoder) {
    features = after(operation, features);
    if (operation.type != OpType::kTap) continue;
    if (channels.size() <= static_cast<std::size_t>(operation.tap)) channels.resize(operation.tap + 1);
    channels[operation.tap] = features.channels;
  }
  return channels;
}

double multiply_adds_per_pixel(const Network& network) {
  double sum = 0;
  Features features;
  for (const auto* list : {&network.encoder, &network.decoder}) {
    for (const Operation& operation : *list) {
      features = after(operation, features);
      for (const Convolution& conv : convolutions(operation)) {
        sum += static_cast<double>(conv.inputs) * conv.outputs * conv.kernel * conv.kernel / (features.stride * features.stride);
      }
    }
  }
  return sum;
}

}  // namespace adainstyle
