// SPDX-License-Identifier: MIT
#include "frame_painter.h"

#include <utility>

#include "encoded_style.h"
#include "picture_part.h"
#include "stopwatch.h"

namespace adainstyle {

FramePainter::FramePainter(std::shared_ptr<const LoadedModel> model, int threads, std::size_t memory_limit)
    : model_(std::move(model)),
      threads_(threads),
      frame_engine_(std::make_unique<TiledEngine>(model_->prepared, threads, model_->radius, memory_limit)),
      skip_(model_->radius, model_->stride) {}

PaintingWork FramePainter::paint(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters) {
  PaintingWork work;
  Stopwatch watch;
  bool restyled = parameters.strength != last_strength_;
  last_strength_ = parameters.strength;
  const bool new_mask = fit_mask(input, parameters);
  const Styling styling = choose_styles(input, parameters, restyled);
  work.cut = look_for_cut(input, parameters);
  const bool fresh = work.cut || new_mask;
  follow_colors(input, parameters, fresh);
  const bool stabilizes = begin_stabilization(input, parameters, fresh || restyled);
  const auto parts = parts_to_paint(input, parameters, styling);
  if (parts) {
    copy_alpha(input, output);
    paint_parts(*parts, styling, input, parameters, output.format, work);
  } else {
    prepare_filter(parameters, fresh, restyled);
    if (parameters.static_skip) {
      skip_.painted_whole(parameters.time_ns);
    } else {
      skip_.forget();
    }
    if (styling.canvas.width != input.width || styling.canvas.height != input.height) copy_alpha(input, output);
    paint_region(*frame_engine_, styling.canvas, styling, input, part_of(output, styling.canvas), parameters, work);
  }
  tiles_ = frame_engine_->tiles();
  if (std::string notice = frame_engine_->notice(); notice != notice_) {
    const std::lock_guard guard(notice_lock_);
    notice_ = std::move(notice);
  }
  workspace_bytes_ = frame_engine_->workspace_bytes() + (part_engine_ ? part_engine_->workspace_bytes() : 0);
  watch.add_to(work.paint);
  const bool keeps_chroma = parameters.preserve_color == PreserveColor::kLuma;
  if (parts) {
    lay_parts(*parts, input, output, keeps_chroma);
  } else if (keeps_chroma) {
    keep_chroma(part_of(input, styling.canvas), part_of(output, styling.canvas), threads_);
  }
  if (stabilizes) stabilizer_->blend(output, parameters.stabilization, parts.has_value());
  watch.add_to(work.finish);
  return work;
}

// What moves in the frame, where the statistics of the last whole one serve for it too; else nothing: the canvas has to be painted.
std::optional<std::vector<StaticSkip::Part>> FramePainter::parts_to_paint(const ImageView& input, const FrameParameters& parameters,
                                                                          const Styling& styling) const {
  const bool skips = parameters.static_skip && stabilizer_ && stabilizer_->has_history() && !skip_.is_due(parameters.time_ns);
  if (!skips) return std::nullopt;
  std::vector<Region> moving;
  for (const Region& region : stabilizer_->moving_regions()) {
    const Region seen = intersection(region, styling.seen);
    if (seen.width > 0) moving.push_back(seen);
  }
  return skip_.parts(std::move(moving), styling.canvas, input.width, input.height);
}

// In memory of their own: they overlap, and each needs the input around it.
void FramePainter::paint_parts(const std::vector<StaticSkip::Part>& parts, const Styling& styling, const ImageView& input,
                               const FrameParameters& parameters, PixelFormat format, PaintingWork& work) {
  memory_.freeze();
  if (part_paintings_.size() < parts.size()) part_paintings_.resize(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    part_paintings_[i].resize(format, parts[i].painted.width, parts[i].painted.height);
    paint_region(part_engine(), parts[i].painted, styling, input, part_paintings_[i].mutable_view(), parameters, work);
  }
}

void FramePainter::lay_parts(const std::vector<StaticSkip::Part>& parts, const ImageView& input, const MutableImageView& output,
                             bool keeps_chroma) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Region& painted = parts[i].painted;
    const Region& shown = parts[i].shown;
    if (keeps_chroma) keep_chroma(part_of(input, painted), part_paintings_[i].mutable_view(), threads_);
    const Region inner{shown.x - painted.x, shown.y - painted.y, shown.width, shown.height};
    copy_pixels(part_of(part_paintings_[i].view(), inner), part_of(output, shown));
  }
}

void FramePainter::paint_region(Engine& engine, const Region& region, const Styling& styling, const ImageView& input,
                                const MutableImageView& painting, const FrameParameters& parameters, PaintingWork& work) {
  if (region.width == 0) return;
  FrameRegions regions = styling.regions;
  regions.x = region.x;
  regions.y = region.y;
  engine.set_regions(regions);
  engine.stylize(part_of(input, region), painting, *styling.style, parameters.strength);
  work.times += engine.times();
  work.share += static_cast<double>(region.width) * region.height / (static_cast<double>(input.width) * input.height);
}

void FramePainter::lay_under_outside(const ImageView& original, const MutableImageView& output) const {
  mask_.lay_under(original, output, threads_);
}

// Returns whether the frame's regions are others than the last frame's.
bool FramePainter::fit_mask(const ImageView& input, const FrameParameters& parameters) {
  const bool had_outside = std::exchange(has_outside_, parameters.outside_style != nullptr);
  if (!parameters.mask) return mask_.reset();
  const auto& mask = dynamic_cast<const GreyMask&>(*parameters.mask);
  const bool other = mask_.fit(mask.picture, mask.id, input.width, input.height, parameters.mask_feather);
  return other || had_outside != has_outside_;
}

// Sets `restyled` where the statistics of a style are others than the last frame's.
FramePainter::Styling FramePainter::choose_styles(const ImageView& input, const FrameParameters& parameters, bool& restyled) {
  Styling styling;
  const EncodedStyle& style = encoded_by(model_->id, parameters.style.get());
  styling.style = &fade_.advance(style.pictures, style.statistics, parameters.time_ns, parameters.transition_ns);
  restyled = fade_.moved() || restyled;
  styling.canvas = styling.seen = {0, 0, input.width, input.height};
  if (!parameters.mask) return styling;

  const StyleStatistics* outside = nullptr;
  if (parameters.outside_style) {
    const EncodedStyle& other = encoded_by(model_->id, parameters.outside_style.get());
    outside = &outside_fade_.advance(other.pictures, other.statistics, parameters.time_ns, parameters.transition_ns);
    restyled = outside_fade_.moved() || restyled;
  }
  switch (mask_.cover()) {
    case FrameMask::Cover::kEverything: break;
    case FrameMask::Cover::kNothing:
      if (outside) {
        styling.style = outside;
      } else {
        styling.canvas = styling.seen = {};
      }
      break;
    case FrameMask::Cover::kPart:
      styling.regions = {mask_.levels(), input.width, input.height, mask_.version(), 0, 0, outside};
      if (outside) break;
      styling.seen = mask_.bounds();
      styling.canvas = skip_.widened(styling.seen, input.width, input.height);
      break;
  }
  return styling;
}

// Where the frame's bytes cannot be read cheaply the average just follows.
bool FramePainter::look_for_cut(const ImageView& input, const FrameParameters& parameters) {
  const bool wanted =
      parameters.smoothing_ms > 0.0f || parameters.stabilization > 0.0f || parameters.preserve_color == PreserveColor::kMatch;
  if (!wanted || input.device.type != DeviceType::kCpu) {
    cuts_.reset();
    return false;
  }
  return cuts_.is_cut(input);
}

void FramePainter::prepare_filter(const FrameParameters& parameters, bool cut, bool restyled) {
  const bool smooth = parameters.smoothing_ms > 0.0f;
  smoother_.begin_frame(parameters.time_ns, parameters.smoothing_ms, cut || !smooth, restyled);
  memory_.follow(smooth ? &smoother_ : nullptr);
  // Without the memory between them, an engine on a GPU may do the smoother's work where the statistics are.
  StatisticsFilter* const smoother = smooth ? &smoother_ : nullptr;
  frame_engine_->set_filter(parameters.static_skip ? &memory_ : smoother);
}

void FramePainter::follow_colors(const ImageView& input, const FrameParameters& parameters, bool cut) {
  if (parameters.preserve_color == PreserveColor::kMatch) {
    follower_.add(input, parameters.time_ns, cut);
  } else {
    follower_.reset();
  }
}

// An engine of its own, so that the whole frame's buffers stay.
Engine& FramePainter::part_engine() {
  if (!part_engine_) {
    part_engine_ = model_->prepared->make_engine(threads_);
    part_engine_->set_filter(&memory_);
  }
  return *part_engine_;
}

// Returns whether the painting of this frame is to be blended with the last one.
bool FramePainter::begin_stabilization(const ImageView& input, const FrameParameters& parameters, bool fresh) {
  if (!(parameters.stabilization > 0.0f)) {
    stabilizer_.reset();  // with its memory
    return false;
  }
  if (!stabilizer_) stabilizer_.emplace(threads_);
  const bool recolored = parameters.preserve_color != last_preserve_color_;
  last_preserve_color_ = parameters.preserve_color;
  stabilizer_->look_at(input, parameters.time_ns, fresh || recolored, parameters.static_skip);
  return true;
}

}  // namespace adainstyle
