// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <vector>

#include "engine/adain_affine.h"

namespace adainstyle {

// One frame's AdaIN, the same for every engine: which tensors are measured, and what follows from their statistics. The plan must
// outlive it.
class FrameAdaIN {
 public:
  // What was measured in one region of a tensor.
  struct Measured {
    Statistics statistics;
    double weight = 1.0;  // of the region: the sum of its pixels' shares
  };

  struct Result {
    int point;      // index into Plan::adains
    Affine affine;  // for the steps that read the tensor; with two regions the identity
    // With two regions (Note [Regions] in region_weights.h): inside and outside, to be applied to the tensor in place. Else empty.
    std::vector<Affine> by_region;
  };

  explicit FrameAdaIN(const Plan& plan) : plan_(plan) {}

  // outside: the style of the second region, nullptr: there is one only. filter may be nullptr. All must live until the last take()
  // of the frame.
  void begin(const StyleStatistics& style, const StyleStatistics* outside, float strength, StatisticsFilter* filter);

  // Whether the statistics of what step `index` makes are needed: at an AdaIN point and, for a strength below 1, at a tap.
  bool measures(int index) const { return point_of(index) >= 0 || tap_of(index) >= 0; }

  int regions() const { return static_cast<int>(regions_.size()); }

  // Takes them, one for each region, steps in order. Returns a scale and shift for `channels` channels where they belong to an
  // AdaIN point.
  std::optional<Result> take(int index, std::vector<Measured> content, int channels);

 private:
  struct Region {
    const StyleStatistics* style = nullptr;
    StyleStatistics targets;  // what the frame's AdaINs make, by tap
  };

  int point_of(int index) const;
  int tap_of(int index) const;
  void blend_targets(Region& region, int tensor, const Statistics& content) const;

  const Plan& plan_;
  float strength_ = 1.0f;
  StatisticsFilter* filter_ = nullptr;
  std::vector<Region> regions_;
};

}  // namespace adainstyle
