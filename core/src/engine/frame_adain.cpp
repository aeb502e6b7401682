// SPDX-License-Identifier: MIT
#include "engine/frame_adain.h"

#include <algorithm>
#include <utility>

namespace adainstyle {

void FrameAdaIN::begin(const StyleStatistics& style, float strength, StatisticsFilter* filter) {
  style_ = &style;
  strength_ = strength;
  filter_ = filter;
  targets_ = style;
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
void FrameAdaIN::blend_targets(int tensor, const Statistics& content) {
  for (std::size_t tap = 0; tap < targets_.size(); ++tap) {
    if (plan_.tap_tensors[tap] != tensor) continue;
    const Statistics& style = (*style_)[tap];
    Statistics& target = targets_[tap];
    for (std::size_t c = 0; c < target.mean.size(); ++c) {
      target.mean[c] = content.mean[c] + strength_ * (style.mean[c] - content.mean[c]);
      target.std[c] = content.std[c] + strength_ * (style.std[c] - content.std[c]);
    }
  }
}

std::optional<FrameAdaIN::Result> FrameAdaIN::take(int index, Statistics content, int channels) {
  const int point = point_of(index);
  const int tap = tap_of(index);
  const bool mean_only = point >= 0 && plan_.adains[point].tap < 0;
  if (filter_ && !mean_only) filter_->filter(point >= 0 ? point : plan_.adains.size() + tap, content);
  if (tap >= 0) blend_targets(plan_.steps[index].output, content);
  if (point < 0) return std::nullopt;
  if (mean_only) return Result{point, identity_affine(content, channels)};
  return Result{point, adain_affine(content, targets_[plan_.adains[point].tap], channels)};
}

}  // namespace adainstyle
