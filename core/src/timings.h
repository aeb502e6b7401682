// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "adainstyle/stylizer.h"
#include "engine/engine.h"

namespace adainstyle {

// Remembers how long the last frames took. Any thread may read while another adds.
class TimingLog {
 public:
  // All in milliseconds. total: of the whole frame, finish: of what follows the engine.
  // painted_share: of the frame.
  void add(const EngineTimes& engine, double finish, double total, double painted_share);

  void count_cut();
  StylizerTimings read() const;

 private:
  static constexpr std::size_t kWindow = 256;  // frames
  static constexpr int kStages = 7;

  mutable std::mutex mutex_;
  std::array<std::array<float, kWindow>, kStages> times_ = {};
  std::uint64_t frames_ = 0;
  std::uint64_t cuts_ = 0;
};

// Mean and 95th percentile (nearest rank) of some times; zeros for none.
Timing summarize(std::vector<float> times);

}  // namespace adainstyle
