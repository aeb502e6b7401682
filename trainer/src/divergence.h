// SPDX-License-Identifier: MIT
#pragma once

#include "checkpoint.h"

namespace adainstyle {

// Takes note of an iteration's total loss and says whether the training has diverged: the loss is not a number, or it has been far
// above the usual one several times in a row. A single time is no divergence: there are pictures unlike all others, and the gradient
// is clipped. (In a run of the paper's mode one batch of the first 1,400 had nine times the usual loss.)
bool diverged(double loss, TrainState* state);

}  // namespace adainstyle
