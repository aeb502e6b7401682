// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "adainstyle/image.h"
#include "engine/engine.h"

namespace adainstyle {

// What a stream of frames needs and a single picture does not. Times are nanoseconds on any clock; one that goes back means another
// stream. No class here knows the network.

// The share of a new value in an exponential average, 1 - exp(-elapsed / constant): two steps of a and b move the average as far
// as one of a + b does, so that neither the frame rate nor a gap changes the time constant. 1 where the constant is 0 or less.
float average_share(std::int64_t elapsed_ns, double constant_ms);

// The exponential average of the content's statistics at each AdaIN point. Statistics that jump begin anew by themselves, which is
// how a scene cut is noticed on frames whose bytes lie on a GPU.
class StatisticsSmoother : public StatisticsFilter {
 public:
  // constant_ms: 0 or less makes each frame use its own statistics. cut: this frame has nothing to do with the last one.
  // restyled: style or strength changed since the last frame. What the decoder makes depends on them, so the average of every
  // point but the first, where no AdaIN has happened yet, begins anew.
  void begin_frame(std::int64_t time_ns, double constant_ms, bool cut, bool restyled);

  void filter(std::size_t point, Statistics& content) override;
  std::optional<Smoothing> smoothing() const override;

 private:
  std::vector<Statistics> averages_;  // by point; empty: none yet
  std::optional<std::int64_t> last_time_;
  float share_ = 1.0f;
  bool begins_anew_ = false;
  bool restyled_ = false;
  bool first_point_ = true;  // of the frame
};

// Remembers the statistics that the last whole frame was painted with, so that a part of the next can be painted with the same.
class StatisticsMemory : public StatisticsFilter {
 public:
  // next: what the statistics of a whole frame go through first; may be nullptr.
  void follow(StatisticsFilter* next) {
    next_ = next;
    frozen_ = false;
  }
  void freeze() { frozen_ = true; }

  void filter(std::size_t point, Statistics& content) override;

 private:
  StatisticsFilter* next_ = nullptr;
  bool frozen_ = false;
  std::vector<Statistics> last_;  // by point
};

// Tells the first frame of another scene by its histogram of brightness. Looks at one pixel in sixteen.
class SceneCutDetector {
 public:
  // A picture in system memory. Returns whether it begins another scene; the first picture does not.
  bool is_cut(const ImageView& picture);
  void reset() { known_ = false; }

 private:
  static constexpr int kBins = 32;
  using Histogram = std::array<float, kBins>;  // sums to 1

  Histogram last_ = {};
  float usual_ = 0.0f;  // running mean of the distances of frames that were no cuts
  bool known_ = false;
};

// Fades from the statistics in use to those of another style.
class StyleFade {
 public:
  // identity: which pictures the style was made of. While it stays, `target` is followed at once (animated weights, a fade under
  // way ends on the new target). When it changes, what was shown last fades to the target within transition_ns.
  // Returns the statistics to use; they stay valid until the next call.
  const StyleStatistics& advance(const std::vector<std::uint64_t>& identity, const StyleStatistics& target, std::int64_t time_ns,
                                 std::int64_t transition_ns);

  // Whether the last call returned other statistics than the one before it.
  bool moved() const { return moved_; }

 private:
  std::vector<std::uint64_t> identity_;
  StyleStatistics shown_;
  StyleStatistics from_;
  std::optional<std::int64_t> last_time_;
  std::int64_t begin_ns_ = 0;
  bool fading_ = false;
  bool moved_ = false;
};

// (1 - share) * a + share * b of every mean and standard deviation.
StyleStatistics interpolate(const StyleStatistics& a, const StyleStatistics& b, float share);

}  // namespace adainstyle
