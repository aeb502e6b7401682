// SPDX-License-Identifier: MIT
#include "timings.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace adainstyle {

void TimingLog::add(const EngineTimes& engine, double finish, double total, double painted_share) {
  const std::lock_guard lock(mutex_);
  const std::size_t at = frames_++ % kWindow;
  int stage = 0;
  for (const double time : {engine.convert, engine.encode, engine.adain, engine.decode, finish, total, painted_share}) {
    times_[stage++][at] = static_cast<float>(time);
  }
}

void TimingLog::count_cut() {
  const std::lock_guard lock(mutex_);
  ++cuts_;
}

StylizerTimings TimingLog::read() const {
  std::array<std::vector<float>, kStages> last;
  StylizerTimings timings;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min<std::uint64_t>(frames_, kWindow);
    for (int stage = 0; stage < kStages; ++stage) last[stage].assign(times_[stage].begin(), times_[stage].begin() + count);
    timings.frames = frames_;
    timings.scene_cuts = cuts_;
  }
  int stage = 0;
  for (Timing* timing : {&timings.convert, &timings.encode, &timings.adain, &timings.decode, &timings.finish, &timings.total}) {
    *timing = summarize(std::move(last[stage++]));
  }
  timings.painted_share = summarize(std::move(last[stage])).mean;
  return timings;
}

Timing summarize(std::vector<float> times) {
  if (times.empty()) return {};
  const std::size_t rank = static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(times.size()))) - 1;
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(rank), times.end());
  return {std::accumulate(times.begin(), times.end(), 0.0) / static_cast<double>(times.size()), times[rank]};
}

}  // namespace adainstyle
