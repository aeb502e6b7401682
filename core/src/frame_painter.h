// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adainstyle/stylizer.h"
#include "colors.h"
#include "engine/engine.h"
#include "engine/tiled_engine.h"
#include "frame_mask.h"
#include "loaded_model.h"
#include "packed_picture.h"
#include "region.h"
#include "stabilizer.h"
#include "static_skip.h"
#include "temporal.h"

namespace adainstyle {

// What became of a frame on the way: milliseconds, and the share of the frame that was painted.
struct PaintingWork {
  EngineTimes times;
  double paint = 0.0;
  double finish = 0.0;  // colours and stabilisation
  double share = 0.0;
  bool cut = false;  // it begins another scene
};

// Paints the frames of one stream at the size they have, and remembers from one to the next what keeps the picture calm: statistics,
// styles that fade, the last painting. Pictures are packed where preserve_color is kLuma and where stabilization is on. One thread at
// a time.
class FramePainter {
 public:
  FramePainter(std::shared_ptr<const LoadedModel> model, int threads, std::size_t memory_limit);

  // Input and output may be the same memory, but not with PreserveColor::kLuma. Leaves what is outside of a mask without a style as it comes out: lay_under_outside()
  // puts the original there. parameters.processing_height is for the caller.
  PaintingWork paint(const ImageView& input, const MutableImageView& output, const FrameParameters& parameters);
  void lay_under_outside(const ImageView& original, const MutableImageView& output) const;

  // Stylizer::changed_colors.
  std::optional<ColorStatistics> changed_colors() { return follower_.changed(); }

  // Of the last frame; any thread.
  std::size_t workspace_bytes() const { return workspace_bytes_; }
  int tiles() const { return tiles_; }
  // Any thread.
  std::string notice() const {
    const std::lock_guard guard(notice_lock_);
    return notice_;
  }

 private:
  // What of a frame is painted in which style.
  struct Styling {
    const StyleStatistics* style = nullptr;
    FrameRegions regions;  // without a place
    Region canvas;         // what may have to be painted
    Region seen;           // what of it will be seen
  };

  std::optional<std::vector<StaticSkip::Part>> parts_to_paint(const ImageView& input, const FrameParameters& parameters,
                                                              const Styling& styling) const;
  void paint_parts(const std::vector<StaticSkip::Part>& parts, const Styling& styling, const ImageView& input,
                   const FrameParameters& parameters, PixelFormat format, PaintingWork& work);
  void lay_parts(const std::vector<StaticSkip::Part>& parts, const ImageView& input, const MutableImageView& output,
                 bool keeps_chroma);
  void paint_region(Engine& engine, const Region& region, const Styling& styling, const ImageView& input,
                    const MutableImageView& painting, const FrameParameters& parameters, PaintingWork& work);
  bool fit_mask(const ImageView& input, const FrameParameters& parameters);
  Styling choose_styles(const ImageView& input, const FrameParameters& parameters, bool& restyled);
  bool look_for_cut(const ImageView& input, const FrameParameters& parameters);
  void prepare_filter(const FrameParameters& parameters, bool cut, bool restyled);
  void follow_colors(const ImageView& input, const FrameParameters& parameters, bool cut);
  bool begin_stabilization(const ImageView& input, const FrameParameters& parameters, bool fresh);
  Engine& part_engine();

  const std::shared_ptr<const LoadedModel> model_;
  const int threads_;
  std::unique_ptr<TiledEngine> frame_engine_;
  std::unique_ptr<Engine> part_engine_;
  std::vector<PackedPicture> part_paintings_;
  std::atomic<std::size_t> workspace_bytes_ = 0;
  std::atomic<int> tiles_ = 1;
  mutable std::mutex notice_lock_;
  std::string notice_;  // Engine::notice() after the last frame

  // From one frame to the next.
  SceneCutDetector cuts_;
  StyleFade fade_;
  StyleFade outside_fade_;
  FrameMask mask_;
  bool has_outside_ = false;
  StatisticsSmoother smoother_;
  StatisticsMemory memory_;
  ColorFollower follower_;
  std::optional<Stabilizer> stabilizer_;
  StaticSkip skip_;
  PreserveColor last_preserve_color_ = PreserveColor::kNone;
  float last_strength_ = -1.0f;
};

}  // namespace adainstyle
