// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

#include "adainstyle/stylizer.h"
#include "image_file.h"

namespace adainstyle {

// The colours of a picture in system memory, from one pixel in sixteen.
ColorStatistics measure_colors(const ImageView& picture);

// Gives a style picture's colours the mean and covariance of `target`, by the symmetric root of one covariance times the inverse
// root of the other (Gatys et al. 2016, "Preserving Color in Neural Artistic Style Transfer", section 3, "Image Analogies" form).
// Values are clamped to 0..255.
void match_colors(DecodedImage& picture, const ColorStatistics& target);

// Follows the colours of a stream with an average of some seconds and says when they have moved visibly.
class ColorFollower {
 public:
  // cut: the average begins anew with this picture.
  void add(const ImageView& picture, std::int64_t time_ns, bool cut);

  // The average, when it has moved visibly from what was returned last.
  std::optional<ColorStatistics> changed();

  void reset() { *this = {}; }

 private:
  std::optional<ColorStatistics> average_;
  std::optional<ColorStatistics> returned_;
  std::int64_t last_time_ = 0;
};

// Writes the brightness of `painted` on the chroma of `original`, both of the same size, in place: every colour of the original
// is moved by the difference of the two lumas (BT.601). Packed formats.
void keep_chroma(const ImageView& original, const MutableImageView& painted, int threads);

}  // namespace adainstyle
