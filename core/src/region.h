// SPDX-License-Identifier: MIT
#pragma once

namespace adainstyle {

// A rectangle of pixels; empty where it has no width.
struct Region {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

}  // namespace adainstyle
