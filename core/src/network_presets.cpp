// SPDX-License-Identifier: MIT
#include "network_presets.h"

#include "adainstyle/error.h"

namespace adainstyle {
namespace {

Operation plain(OpType type) {
  Operation operation;
  operation.type = type;
  return operation;
}

Operation conv(OpType type, const std::string& name, int inputs, int outputs, bool relu, int stride = 1) {
  Operation operation = plain(type);
  operation.name = name;
  operation.inputs = inputs;
  operation.outputs = outputs;
  operation.relu = relu;
  operation.stride = stride;
  return operation;
}

Operation conv3x3(const std::string& name, int inputs, int outputs, bool relu = true, int stride = 1) {
  return conv(OpType::kConv3x3, name, inputs, outputs, relu, stride);
}

Operation residual(const std::string& name, int channels) { return conv(OpType::kResidual, name, channels, channels, false); }

Operation tap(int index) {
  Operation operation = plain(OpType::kTap);
  operation.tap = index;
  return operation;
}

Operation adain(int tap) {
  Operation operation = plain(OpType::kAdaIN);
  operation.tap = tap;
  return operation;
}

// `fine` channels at half the picture's size, `coarse` at a quarter.
Network quarter_size_network(int fine, int coarse) {
  constexpr int kUnshuffled = 12;  // RGB of 2x2 pixels
  Network network;
  network.encoder = {
      plain(OpType::kPixelUnshuffle),
      conv3x3("encoder.conv1", kUnshuffled, fine),
      tap(0),
      conv3x3("encoder.conv2", fine, coarse, true, 2),
      residual("encoder.res1", coarse),
      tap(1),
      residual("encoder.res2", coarse),
      tap(2),
  };
  network.decoder = {
      adain(2),
      residual("decoder.res1", coarse),
      adain(1),
      residual("decoder.res2", coarse),
      plain(OpType::kUpsampleNearest),
      conv3x3("decoder.conv1", coarse, fine),
      adain(0),
      conv3x3("decoder.conv2", fine, kUnshuffled, false),
      plain(OpType::kPixelShuffle),
  };
  return network;
}

Network vgg19_network() {
  const Operation pool = plain(OpType::kMaxPool);
  const Operation up = plain(OpType::kUpsampleNearest);
  Network network;
  network.encoder = {
      conv(OpType::kConv1x1, "conv0", 3, 3, false),
      conv3x3("conv1_1", 3, 64),
      tap(0),
      conv3x3("conv1_2", 64, 64),
      pool,
      conv3x3("conv2_1", 64, 128),
      tap(1),
      conv3x3("conv2_2", 128, 128),
      pool,
      conv3x3("conv3_1", 128, 256),
      tap(2),
      conv3x3("conv3_2", 256, 256),
      conv3x3("conv3_3", 256, 256),
      conv3x3("conv3_4", 256, 256),
      pool,
      conv3x3("conv4_1", 256, 512),
      tap(3),
  };
  network.decoder = {
      adain(3),
      conv3x3("decoder.conv4_1", 512, 256),
      up,
      conv3x3("decoder.conv3_4", 256, 256),
      conv3x3("decoder.conv3_3", 256, 256),
      conv3x3("decoder.conv3_2", 256, 256),
      conv3x3("decoder.conv3_1", 256, 128),
      up,
      conv3x3("decoder.conv2_2", 128, 128),
      conv3x3("decoder.conv2_1", 128, 64),
      up,
      conv3x3("decoder.conv1_2", 64, 64),
      conv3x3("decoder.conv1_1", 64, 3, false),
  };
  return network;
}

}  // namespace

Network preset_network(const std::string& name) {
  if (name == "small") return quarter_size_network(32, 64);
  if (name == "wide") return quarter_size_network(64, 128);
  if (name == "vgg19") return vgg19_network();
  std::string known;
  for (const std::string& preset : preset_names()) {
    known += (known.empty() ? "" : ", ") + preset;
  }
  throw Error(ErrorCode::kSettings, "Network \"" + name + "\" is not known; choose one of " + known + ".");
}

std::vector<std::string> preset_names() { return {"small", "wide", "vgg19"}; }

}  // namespace adainstyle
