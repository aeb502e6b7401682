// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <vector>

#include "engine/plan.h"

namespace adainstyle {

// A tensor's need of memory: `bytes` from the step that makes it to the last step that reads it, both included.
struct Lifetime {
  std::size_t bytes = 0;
  int first_step = 0;
  int last_step = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  // by tensor, each a multiple of 64
  std::size_t bytes = 0;             // of the whole arena
};

// Places tensors in one block of memory so that those alive at the same step do not overlap (first fit, largest first).
ArenaLayout lay_out(const std::vector<Lifetime>& tensors);

// What an arena for a plan's features takes at a picture's size, channels rounded up to whole vectors; element: bytes of a number.
std::size_t arena_bytes(const Plan& plan, int width, int height, std::size_t element);

}  // namespace adainstyle
