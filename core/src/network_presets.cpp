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

// `fine` channels at half the picture's size, `coarse` at a quarter. What lies between at a quarter, `encoder` from tap 1 on and
// `decoder` down to it, is up to the network.
Network quarter_size_network(int fine, int coarse, const std::vector<Operation>& encoder, const std::vector<Operation>& decoder) {
  constexpr int kUnshuffled = 12;  // RGB of 2x2 pixels
  Network network;
  network.encoder = {
      plain(OpType::kPixelUnshuffle),
      conv3x3("encoder.conv1", kUnshuffled, fine),
      tap(0),
      conv3x3("encoder.conv2", fine, coarse, true, 2),
  };
  network.encoder.insert(network.encoder.end(), encoder.begin(), encoder.end());
  network.decoder = decoder;
  const std::vector<Operation> last = {
      plain(OpType::kUpsampleNearest),
      conv3x3("decoder.conv1", coarse, fine),
      adain(0),
      conv3x3("decoder.conv2", fine, kUnshuffled, false),
      plain(OpType::kPixelShuffle),
  };
  network.decoder.insert(network.decoder.end(), last.begin(), last.end());
  return network;
}

Network small_network() {
  constexpr int kCoarse = 64;
  return quarter_size_network(32, kCoarse,
                              {
                                  residual("encoder.res1", kCoarse),
                                  tap(1),
                                  residual("encoder.res2", kCoarse),
                                  tap(2),
                              },
                              {
                                  adain(2),
                                  residual("decoder.res1", kCoarse),
                                  adain(1),
                                  residual("decoder.res2", kCoarse),
                              });
}

// What the small network has keeps its name here, so that a training can begin with the small one's weights.
Network wide_network() {
  constexpr int kCoarse = 96;
  return quarter_size_network(48, kCoarse,
                              {
                                  residual("encoder.res1", kCoarse),
                                  tap(1),
                                  residual("encoder.res3", kCoarse),
                                  residual("encoder.res2", kCoarse),
                                  tap(2),
                                  residual("encoder.res4", kCoarse),
                                  tap(3),
                              },
                              {
                                  adain(3),
                                  residual("decoder.res3", kCoarse),
                                  adain(2),
                                  residual("decoder.res1", kCoarse),
                                  residual("decoder.res4", kCoarse),
                                  adain(1),
                                  residual("decoder.res2", kCoarse),
                                  residual("decoder.res5", kCoarse),
                              });
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
  if (name == "small") return small_network();
  if (name == "wide") return wide_network();
  if (name == "vgg19") return vgg19_network();
  std::string known;
  for (const std::string& preset : preset_names()) {
    known += (known.empty() ? "" : ", ") + preset;
  }
  throw Error(ErrorCode::kSettings, "Network \"" + name + "\" is not known; choose one of " + known + ".");
}

std::vector<std::string> preset_names() { return {"small", "wide", "vgg19"}; }

}  // namespace adainstyle
