// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "adainstyle/stylizer.h"
#include "engine/engine.h"
#include "frame_mask.h"

namespace adainstyle {

// What stands behind the public Style: the statistics that the model's encoder leaves of a picture, or of several.
class EncodedStyle : public Style {
 public:
  EncodedStyle(std::uint64_t model_id, std::vector<std::uint64_t> picture_ids, StyleStatistics encoded);

  const std::uint64_t model;                  // LoadedModel::id of what encoded it
  const std::vector<std::uint64_t> pictures;  // what it was made of: StyleFade's identity
  const StyleStatistics statistics;
};

// What stands behind the public Mask.
class GreyMask : public Mask {
 public:
  explicit GreyMask(GreyPicture grey);

  const std::uint64_t id;
  const GreyPicture picture;
};

// A style of one picture.
std::shared_ptr<const EncodedStyle> style_of_picture(std::uint64_t model_id, StyleStatistics statistics);

// Between several styles, by their share of the sum of weights. Throws Error for weights that are none and for styles that
// encoded_by() refuses.
std::shared_ptr<const EncodedStyle> mix(std::uint64_t model_id, const std::vector<WeightedStyle>& styles);

// The statistics behind a style. Throws Error where there is none or where another model encoded it.
const EncodedStyle& encoded_by(std::uint64_t model_id, const Style* style);

}  // namespace adainstyle
