// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <initializer_list>

namespace adainstyle {

// Note [Randomness without state]
// Every random choice of a training is a function of the seed and of what it is for (which iteration, which sample). So a resumed
// run needs nothing but its iteration number to go on as it would have, worker threads can run ahead in any order, and each of
// several machines draws its own part of the same batch.

// A well-mixed 64-bit hash of a seed and a few labels (the finaliser of SplitMix64, applied to each in turn).
inline std::uint64_t mix(std::initializer_list<std::uint64_t> labels) {
  std::uint64_t state = 0;
  for (const std::uint64_t label : labels) {
    state += label + 0x9e3779b97f4a7c15ull;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ull;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebull;
    state ^= state >> 31;
  }
  return state;
}

// A small generator for one purpose; next() values are SplitMix64's.
class Random {
 public:
  explicit Random(std::initializer_list<std::uint64_t> labels) : state_(mix(labels)) {}

  std::uint64_t next() { return mix({state_++}); }

  // Uniform in 0 .. bound - 1; the bias of the multiplication is below 2^-32 for the bounds used here.
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }

  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  std::uint64_t state_;
};

// The purposes for which labels are drawn; the first label after the seed.
enum class Purpose : std::uint64_t { kInit, kContentOrder, kStyleOrder, kContentCrop, kStyleCrop, kNoise, kFlow };

}  // namespace adainstyle
