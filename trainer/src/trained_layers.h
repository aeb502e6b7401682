// SPDX-License-Identifier: MIT
#pragma once

#include "plain_network.h"
#include "trained_convolution.h"
#include "trained_normalisation.h"

namespace adainstyle {

// The layers of the network in training.
inline constexpr LayerFunctions kTrainedLayers = {trained_statistics, trained_adain, trained_convolve, trained_upsample_convolve};

}  // namespace adainstyle
