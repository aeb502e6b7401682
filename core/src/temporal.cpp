// SPDX-License-Identifier: MIT
#include "temporal.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "pixels/pixel_body.h"

namespace adainstyle {
namespace {

constexpr double kNsPerMs = 1e6;

// A fade that begins after a pause of the stream still begins at its beginning.
constexpr std::int64_t kLongestFirstStep = 100'000'000;

// Distances are half the sum of the absolute differences of the bins: 0 for equal histograms, 1 for disjoint ones. Within a
// scene of fast motion they stay below the first bound; a fade or a flash moves the usual distance, which the second asks for.
constexpr float kLeastCutDistance = 0.18f;
constexpr float kTimesUsual = 4.0f;
constexpr float kUsualShare = 0.2f;

// Of the first point's means, in standard deviations: far more than motion does in one time constant, less than most cuts do.
constexpr float kJump = 0.5f;

void move_towards(std::vector<float>& average, std::vector<float>& value, float share) {
  for (std::size_t i = 0; i < average.size(); ++i) average[i] += share * (value[i] - average[i]);
  value = average;
}

// Root mean square over the channels of the difference of the means, in standard deviations.
float distance_of_means(const Statistics& average, const Statistics& content) {
  if (average.mean.size() != content.mean.size()) return 0.0f;  // none yet
  double sum = 0.0;
  for (std::size_t i = 0; i < average.mean.size(); ++i) {
    const double move = (content.mean[i] - average.mean[i]) / average.std[i];
    sum += move * move;
  }
  return static_cast<float>(std::sqrt(sum / static_cast<double>(average.mean.size())));
}

void interpolate_into(std::vector<float>& result, const std::vector<float>& a, const std::vector<float>& b, float share) {
  result.resize(b.size());
  for (std::size_t i = 0; i < b.size(); ++i) result[i] = a[i] + share * (b[i] - a[i]);
}

void interpolate_into(StyleStatistics& result, const StyleStatistics& a, const StyleStatistics& b, float share) {
  result.resize(b.size());
  for (std::size_t tap = 0; tap < b.size(); ++tap) {
    interpolate_into(result[tap].mean, a[tap].mean, b[tap].mean, share);
    interpolate_into(result[tap].std, a[tap].std, b[tap].std, share);
  }
}

bool equal(const StyleStatistics& a, const StyleStatistics& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Statistics& x, const Statistics& y) { return x.mean == y.mean && x.std == y.std; });
}

}  // namespace

float average_share(std::int64_t elapsed_ns, double constant_ms) {
  if (!(constant_ms > 0.0)) return 1.0f;
  return static_cast<float>(-std::expm1(-static_cast<double>(elapsed_ns) / (constant_ms * kNsPerMs)));
}

void StatisticsSmoother::begin_frame(std::int64_t time_ns, double constant_ms, bool cut, bool restyled) {
  begins_anew_ = cut || (last_time_ && time_ns < *last_time_);
  if (begins_anew_) averages_.clear();
  share_ = average_share(last_time_ ? std::max<std::int64_t>(time_ns - *last_time_, 0) : 0, constant_ms);
  last_time_ = time_ns;
  restyled_ = restyled;
  first_point_ = true;
}

void StatisticsSmoother::filter(std::size_t point, Statistics& content) {
  const bool first = std::exchange(first_point_, false);
  if (first && point < averages_.size() && distance_of_means(averages_[point], content) > kJump) averages_.clear();
  if (averages_.size() <= point) averages_.resize(point + 1);
  Statistics& average = averages_[point];
  if (average.mean.size() != content.mean.size() || (restyled_ && !first)) {
    average = content;
    return;
  }
  move_towards(average.mean, content.mean, share_);
  move_towards(average.std, content.std, share_);
}

std::optional<Smoothing> StatisticsSmoother::smoothing() const { return Smoothing{share_, kJump, begins_anew_, restyled_}; }

void StatisticsMemory::filter(std::size_t point, Statistics& content) {
  if (last_.size() <= point) last_.resize(point + 1);
  if (frozen_ && !last_[point].mean.empty()) {  // empty: a point that only a new strength made needed
    content = last_[point];
    return;
  }
  if (next_) next_->filter(point, content);
  last_[point] = content;
}

bool SceneCutDetector::is_cut(const ImageView& picture) {
  const PixelReader color_at(picture);
  std::array<int, kBins> counts{};
  int total = 0;
  for (int y = 0; y < picture.height; y += 4) {
    for (int x = 0; x < picture.width; x += 4, ++total) {
      const Rgb color = color_at(x, y);
      const int luma = (77 * color.red + 150 * color.green + 29 * color.blue) >> 8;
      ++counts[luma * kBins / 256];
    }
  }
  Histogram histogram;
  for (int i = 0; i < kBins; ++i) histogram[i] = static_cast<float>(counts[i]) / static_cast<float>(total);

  // Of neighbouring bins together: a change of exposure that moves every pixel by a level is no cut.
  float distance = 0.0f;
  for (int i = 0; i + 1 < kBins; ++i) distance += std::fabs(histogram[i] + histogram[i + 1] - last_[i] - last_[i + 1]);
  distance *= 0.25f;
  const bool cut = known_ && distance > kLeastCutDistance && distance > kTimesUsual * usual_;
  if (!known_ || cut) {
    usual_ = 0.0f;
  } else {
    usual_ += kUsualShare * (distance - usual_);
  }
  last_ = histogram;
  known_ = true;
  return cut;
}

const StyleStatistics& StyleFade::advance(const std::vector<std::uint64_t>& identity, const StyleStatistics& target,
                                          std::int64_t time_ns, std::int64_t transition_ns) {
  const bool afresh = !last_time_ || time_ns < *last_time_;
  if (afresh) {
    fading_ = false;
  } else if (identity != identity_) {
    from_ = shown_;
    begin_ns_ = std::max(*last_time_, time_ns - kLongestFirstStep);
    fading_ = true;
  }
  identity_ = identity;
  last_time_ = time_ns;

  const std::int64_t elapsed = time_ns - begin_ns_;
  if (fading_ && elapsed < transition_ns) {
    interpolate_into(shown_, from_, target, static_cast<float>(static_cast<double>(elapsed) / static_cast<double>(transition_ns)));
    moved_ = true;
  } else {
    fading_ = false;
    moved_ = afresh || !equal(shown_, target);
    if (moved_) shown_ = target;
  }
  return shown_;
}

StyleStatistics interpolate(const StyleStatistics& a, const StyleStatistics& b, float share) {
  StyleStatistics result;
  interpolate_into(result, a, b, share);
  return result;
}

}  // namespace adainstyle
