// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "engine/engine.h"

namespace adainstyle {

// Note [Regions]
// With a mask a frame has two regions. A feature pixel belongs to the inside with a share of 0 to 1, the mean of the mask over the
// picture pixels that it stands for, and to the outside with the rest. At each AdaIN point the statistics of a region are taken with
// these shares as weights, which for a mask of sharp edges are those of Huang & Belongie 2017, section 7.3 ("spatial control"), and
// the features become share * AdaIN(inside) + (1 - share) * AdaIN(outside). That is no longer one scale and shift per channel, so it
// cannot wait for the next convolution (rewrite 4 of Note [Lowering]): it is done to the tensor in place.
// Where nothing is painted outside, one scale and shift from the statistics of the inside serves all pixels.
//
// The shares of every measured tensor of the plan, for the whole frame.
class RegionWeights {
 public:
  struct Plane {
    int width = 0;
    int height = 0;
    std::vector<float> inside;  // [height][width], 0..1
    double inside_sum = 0.0;    // over all pixels
    double outside_sum = 0.0;   // of 1 - inside
  };

  explicit RegionWeights(const Plan& plan);

  // Takes over a mask; does nothing where it is the one of the last call.
  void follow(const FrameRegions& regions);

  // Of what step `index` makes, which must be an AdaIN point or a tap.
  const Plane& plane(int index) const;

  // Of the mask taken over last.
  std::uint64_t version() const { return version_; }

 private:
  using Scale = std::pair<int, int>;  // downscale, upscale

  const Plan& plan_;
  std::map<Scale, Plane> planes_;
  std::uint64_t version_ = 0;
  int width_ = 0;
  int height_ = 0;
};

}  // namespace adainstyle
