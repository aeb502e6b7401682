// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "network.h"

namespace adainstyle {

// The topologies that come with the project:
//   small  real time on a CPU: 25,920 multiply-adds a pixel, deepest features at a quarter of the size, AdaIN at three layers
//   wide   half as many channels more and nine residual blocks instead of four: 108,864 multiply-adds a pixel, AdaIN at four layers
//   vgg19  Huang & Belongie 2017: VGG-19 up to relu4_1 and its mirror, 482,697 multiply-adds a pixel, AdaIN at relu4_1. Its taps
//          0..3 are relu1_1, relu2_1, relu3_1 and relu4_1, the layers of the paper's losses; encoder tensors are named as in
//          the normalised VGG-19 (conv0, conv1_1, ... conv4_1), decoder tensors decoder.conv4_1 ... decoder.conv1_1.
// Throws Error(kSettings) for any other name.
Network preset_network(const std::string& name);

// The names above.
std::vector<std::string> preset_names();

}  // namespace adainstyle
