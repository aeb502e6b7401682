// SPDX-License-Identifier: MIT
#include "divergence.h"

#include <cmath>

namespace adainstyle {
namespace {

constexpr double kExplosion = 8.0;  // times the usual loss
constexpr int kExplosionRun = 5;
constexpr double kTypicalDecay = 0.98;

}  // namespace

bool diverged(double loss, TrainState* state) {
  if (!std::isfinite(loss)) return true;
  if (state->typical_loss > 0.0 && loss > kExplosion * state->typical_loss) return ++state->explosive == kExplosionRun;
  state->explosive = 0;
  state->typical_loss = state->typical_loss == 0.0 ? loss : kTypicalDecay * state->typical_loss + (1.0 - kTypicalDecay) * loss;
  return false;
}

}  // namespace adainstyle
