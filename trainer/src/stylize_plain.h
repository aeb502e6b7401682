// SPDX-License-Identifier: MIT
#pragma once

#include "metrics.h"
#include "plain_network.h"

namespace adainstyle {

// A network as a function of pictures of any size of 32 pixels or more: extended by reflection to a multiple of the network's
// stride and cropped again. Not clamped. `network` and `weights` are kept by reference.
Stylize stylize_with(const Network& network, const TensorMap& weights, float strength = 1.0f);

}  // namespace adainstyle
