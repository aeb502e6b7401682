// SPDX-License-Identifier: MIT
#include "engine/arena.h"

#include <algorithm>
#include <numeric>

namespace adainstyle {
namespace {

constexpr std::size_t kAlignment = 64;

bool alive_together(const Lifetime& a, const Lifetime& b) { return a.first_step <= b.last_step && b.first_step <= a.last_step; }

}  // namespace

ArenaLayout lay_out(const std::vector<Lifetime>& tensors) {
  ArenaLayout layout;
  layout.offsets.assign(tensors.size(), 0);
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return tensors[a].bytes > tensors[b].bytes; });
  std::vector<std::size_t> placed;  // sorted by offset
  for (const std::size_t tensor : order) {
    const std::size_t bytes = (tensors[tensor].bytes + kAlignment - 1) / kAlignment * kAlignment;
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      if (!alive_together(tensors[tensor], tensors[other])) continue;
      if (offset + bytes <= layout.offsets[other]) break;
      offset = std::max(offset, layout.offsets[other] + (tensors[other].bytes + kAlignment - 1) / kAlignment * kAlignment);
    }
    layout.offsets[tensor] = offset;
    layout.bytes = std::max(layout.bytes, offset + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), tensor,
                                   [&](auto a, auto b) { return layout.offsets[a] < layout.offsets[b]; }),
                  tensor);
  }
  return layout;
}

std::size_t arena_bytes(const Plan& plan, int width, int height, std::size_t element) {
  std::vector<Lifetime> lifetimes(plan.tensors.size());
  for (std::size_t t = 0; t < plan.tensors.size(); ++t) {
    const TensorShape& shape = plan.tensors[t];
    const std::size_t columns = tensor_side(shape, extended_side(plan, width)) + 2;  // a pixel of padding on each side
    const std::size_t rows = tensor_side(shape, extended_side(plan, height));
    lifetimes[t].bytes = columns * rows * ((shape.channels + 15) / 16 * 16) * element;
  }
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i) {
    const Step& step = plan.steps[i];
    lifetimes[step.output].first_step = lifetimes[step.output].last_step = i;
    lifetimes[step.input].last_step = i;
    if (step.skip >= 0) lifetimes[step.skip].last_step = i;
  }
  return lay_out(lifetimes).bytes;
}

}  // namespace adainstyle
