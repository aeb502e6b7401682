// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "region.h"
#include "stabilizer.h"

namespace adainstyle {

// Which part of a frame is painted with static-skip on: what moves, with all around it that its painting depends on, or the whole
// where that costs about as much, or where the statistics of the last whole frame have grown old.
class StaticSkip {
 public:
  // radius: of what a pixel of the painting depends on. stride: of the network, to which parts are aligned. Both in pixels.
  StaticSkip(int radius, int stride) : radius_(radius), stride_(stride) {}

  // canvas: what of the frame may have to be painted. seen: what of it will be seen. Empty: nothing has to be painted.
  Region part_to_paint(const Stabilizer& stabilizer, const Region& canvas, const Region& seen, int frame_width, int frame_height,
                       std::int64_t time_ns) const;

  // To be told of each frame whose canvas is painted as a whole.
  void painted_whole(std::int64_t time_ns) { last_whole_time_ = time_ns; }

  // A rectangle with all around it that its painting depends on, within the frame.
  Region widened(const Region& region, int frame_width, int frame_height) const;

 private:
  int radius_;
  int stride_;
  std::int64_t last_whole_time_ = 0;
};

}  // namespace adainstyle
