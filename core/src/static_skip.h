// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "region.h"

namespace adainstyle {

// Which parts of a frame are painted with static-skip on: what moves, with all around it that its painting depends on, or the whole
// where that costs about as much, or where the statistics of the last whole frame have grown old.
class StaticSkip {
 public:
  // radius: of what a pixel of the painting depends on. stride: of the network, to which parts are aligned. Both in pixels.
  StaticSkip(int radius, int stride) : radius_(radius), stride_(stride) {}

  // Whether a whole frame has to be painted at this time, because the statistics of the last one, if there is one, do not serve.
  bool is_due(std::int64_t time_ns) const;

  // To be told of each frame whose canvas is painted as a whole, while static-skip is on; where it is off, to forget.
  void painted_whole(std::int64_t time_ns) { last_whole_time_ = time_ns; }
  void forget() { last_whole_time_.reset(); }

  struct Part {
    Region shown;    // what has to be right
    Region painted;  // the same with all around it that its painting depends on
  };

  // moving: what has to be right, in pixels. canvas: what of the frame may have to be painted. Returns the cheapest parts that show it
  // all, or nothing where painting the canvas costs about as much. What is painted for them may overlap.
  std::optional<std::vector<Part>> parts(std::vector<Region> moving, const Region& canvas, int frame_width, int frame_height) const;

  // A rectangle with all around it that its painting depends on, within the frame.
  Region widened(const Region& region, int frame_width, int frame_height) const;

 private:
  int radius_;
  int stride_;
  std::optional<std::int64_t> last_whole_time_;
};

}  // namespace adainstyle
