// SPDX-License-Identifier: MIT
#pragma once

#include "pixels/yuv.h"

// A border of one pixel around features, for the CPU's loops and the GPU's kernels alike.

namespace adainstyle {

enum class Padding { kReflect, kReplicate };

// How far from the border inwards lies what the padding shows.
ADAINSTYLE_HOST_DEVICE inline int depth(Padding padding) { return padding == Padding::kReflect ? 1 : 0; }

// Which source index the padded index (0 .. size + 1) shows.
template <typename Index>
ADAINSTYLE_HOST_DEVICE inline Index shown(Index padded, Index size, Padding padding) {
  const Index index = padded - 1;
  if (index < 0) return depth(padding);
  if (index >= size) return size - 1 - depth(padding);
  return index;
}

// The padded indices that show source index `index`: one, or two or three beside the border.
template <typename Index>
struct Sources {
  Index at[3];
  int count = 0;
  ADAINSTYLE_HOST_DEVICE Sources(Index index, Index size, Padding padding) {
    at[count++] = index + 1;
    if (index == depth(padding)) at[count++] = 0;
    if (index == size - 1 - depth(padding)) at[count++] = size + 1;
  }
};

}  // namespace adainstyle
