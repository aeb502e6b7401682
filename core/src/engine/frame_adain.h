// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "engine/adain_affine.h"

namespace adainstyle {

// One frame's AdaIN, the same for every engine: which tensors are measured, and what follows from their statistics. The plan must
// outlive it.
class FrameAdaIN {
 public:
  struct Result {
    int point;  // index into Plan::adains
    Affine affine;
  };

  explicit FrameAdaIN(const Plan& plan) : plan_(plan) {}

  // filter may be nullptr; style and filter must live until the last take() of the frame.
  void begin(const StyleStatistics& style, float strength, StatisticsFilter* filter);

  // Whether the statistics of what step `index` makes are needed: at an AdaIN point and, for a strength below 1, at a tap.
  bool measures(int index) const { return point_of(index) >= 0 || tap_of(index) >= 0; }

  // Takes them, steps in order. Returns a scale and shift for `channels` channels where they belong to an AdaIN point.
  std::optional<Result> take(int index, Statistics content, int channels);

 private:
  int point_of(int index) const;
  int tap_of(int index) const;
  void blend_targets(int tensor, const Statistics& content);

  const Plan& plan_;
  const StyleStatistics* style_ = nullptr;
  float strength_ = 1.0f;
  StatisticsFilter* filter_ = nullptr;
  StyleStatistics targets_;  // what the frame's AdaINs make, by tap
};

}  // namespace adainstyle
