// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "loss_network.h"

namespace adainstyle {

// How well a picture was repainted, measured with the loss network in float32:
//   Ls   sum over the taps of MSE(mean) + MSE(std), output against style
//   Lt   MSE of relu4_1(output) against AdaIN of the content's and the style's relu4_1
//   Lin  MSE of the instance-normalised relu4_1, output against content
struct Quality {
  std::array<double, kLossTaps> style_per_tap = {};
  double style = 0.0;    // Ls
  double target = 0.0;   // Lt
  double content = 0.0;  // Lin

  Quality& operator+=(const Quality& other);
  Quality& operator/=(double count);
};

// The features of one content, one style and the output made of them; content and output of the same size.
Quality measure(const LossFeatures& content, const LossFeatures& style, const LossFeatures& output);

// Repaints content [1, 3, H, W] with style [1, 3, H', W'], float32 in [0, 1].
using Stylize = std::function<at::Tensor(const at::Tensor& content, const at::Tensor& style)>;

// rms(output(content + noise) - output(content)) / rms(noise), gaussian noise of deviation 2/255, the same for the same label.
// Pictures are rounded to 8 bits neither before nor after.
double static_gain(const Stylize& stylize, const at::Tensor& content, const at::Tensor& style, std::uint64_t label);

}  // namespace adainstyle
