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

PaintingWork FramePainter::paint(const ImageView& input, const ImageView& original, const MutableImageView& output,
                                 const FrameParameters& parameters) {
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
  const Region part = stabilizes && parameters.static_skip ? skip_.part_to_paint(*stabilizer_, styling.canvas, styling.seen,
                                                                                 input.width, input.height, parameters.time_ns)
                                                           : styling.canvas;
  const bool is_part = part.width != styling.canvas.width || part.height != styling.canvas.height;

  Engine& engine = is_part ? part_engine() : *frame_engine_;
  if (part.width != input.width || part.height != input.height) copy_alpha(input, output);
  if (is_part) {
    memory_.freeze();
  } else {
    prepare_filter(parameters, fresh, restyled);
    skip_.painted_whole(parameters.time_ns);
  }
  if (part.width > 0) {
    FrameRegions regions = styling.regions;
    regions.x = part.x;
    regions.y = part.y;
    engine.set_regions(regions);
    engine.stylize(part_of(input, part), part_of(output, part), *styling.style, parameters.strength);
    work.times = engine.times();
  }
  tiles_ = frame_engine_->tiles();
  workspace_bytes_ = frame_engine_->workspace_bytes() + (part_engine_ ? part_engine_->workspace_bytes() : 0);
  watch.add_to(work.paint);
  if (parameters.preserve_color == PreserveColor::kLuma && part.width > 0) {
    keep_chroma(part_of(original, part), part_of(output, part), threads_);
  }
  if (stabilizes) stabilizer_->blend(output, parameters.stabilization, is_part);
  watch.add_to(work.finish);
  work.share = static_cast<double>(part.width) * part.height / (static_cast<double>(input.width) * input.height);
  return work;
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
  frame_engine_->set_filter(smooth || parameters.static_skip ? &memory_ : nullptr);
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
