// SPDX-License-Identifier: MIT
#include "engine/frame_adain.h"

#include <algorithm>
#include <utility>

namespace adainstyle {

namespace {

// What all features have in common after AdaIN in two regions: shares of the regions' means.
Statistics mean_over(const std::vector<FrameAdaIN::Measured>& regions) {
  double total = 0.0;
  Statistics mean = regions.front().statistics;
  std::fill(mean.mean.begin(), mean.mean.end(), 0.0f);
  for (const FrameAdaIN::Measured& region : regions) total += region.weight;
  for (const FrameAdaIN::Measured& region : regions) {
    const auto share = static_cast<float>(region.weight / total);
    for (std::size_t c = 0; c < mean.mean.size(); ++c) mean.mean[c] += share * region.statistics.mean[c];
  }
  return mean;
}

}  // namespace

void FrameAdaIN::begin(const StyleStatistics& style, const StyleStatistics* outside, float strength, StatisticsFilter* filter) {
  strength_ = strength;
  filter_ = filter;
  regions_.resize(outside ? 2 : 1);
  regions_[0].style = &style;
  if (outside) regions_[1].style = outside;
  for (Region& region : regions_) region.targets = *region.style;
}

int FrameAdaIN::point_of(int index) const {
  const int tensor = plan_.steps[index].output;
  const auto point =
      std::find_if(plan_.adains.begin(), plan_.adains.end(), [&](const AdaINPoint& a) { return a.tensor == tensor; });
  return point == plan_.adains.end() ? -1 : static_cast<int>(point - plan_.adains.begin());
}

int FrameAdaIN::tap_of(int index) const {
  if (strength_ >= 1.0f || index >= plan_.encoder_steps) return -1;
  const auto tap = std::find(plan_.tap_tensors.begin(), plan_.tap_tensors.end(), plan_.steps[index].output);
  return tap == plan_.tap_tensors.end() ? -1 : static_cast<int>(tap - plan_.tap_tensors.begin());
}

// Strength (Note [Strength] in plain_network.h): the targets of the tensor's taps lie between the content's statistics and the
// style's.
void FrameAdaIN::blend_targets(Region& region, int tensor, const Statistics& content) const {
  for (std::size_t tap = 0; tap < region.targets.size(); ++tap) {
    if (plan_.tap_tensors[tap] != tensor) continue;
    const Statistics& style = (*region.style)[tap];
    Statistics& target = region.targets[tap];
    for (std::size_t c = 0; c < target.mean.size(); ++c) {
      target.mean[c] = content.mean[c] + strength_ * (style.mean[c] - content.mean[c]);
      target.std[c] = content.std[c] + strength_ * (style.std[c] - content.std[c]);
    }
  }
}

std::optional<FrameAdaIN::Result> FrameAdaIN::take(int index, std::vector<Measured> content, int channels) {
  const int point = point_of(index);
  const int tap = tap_of(index);
  const bool mean_only = point >= 0 && plan_.adains[point].tap < 0;
  const std::size_t filter_point = point >= 0 ? point : plan_.adains.size() + tap;
  const std::size_t filter_points = plan_.adains.size() + plan_.tap_tensors.size();
  for (std::size_t r = 0; r < content.size(); ++r) {
    if (filter_ && (!mean_only || filter_->takes_means())) filter_->filter(r * filter_points + filter_point, content[r].statistics);
    if (tap >= 0) blend_targets(regions_[r], plan_.steps[index].output, content[r].statistics);
  }
  if (point < 0) return std::nullopt;
  if (mean_only) return Result{point, identity_affine(mean_over(content), channels), {}};
  const int style_tap = plan_.adains[point].tap;
  if (content.size() == 1) {
    return Result{point, adain_affine(content[0].statistics, regions_[0].targets[style_tap], channels), {}};
  }
  Result result{point, {}, {}};
  for (std::size_t r = 0; r < content.size(); ++r) {
    const Statistics& target = regions_[r].targets[style_tap];
    result.by_region.push_back(adain_affine(content[r].statistics, target, channels));
    content[r].statistics = target;
  }
  result.affine = identity_affine(mean_over(content), channels);
  return result;
}

}  // namespace adainstyle
