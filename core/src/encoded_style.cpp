// SPDX-License-Identifier: MIT
#include "encoded_style.h"

#include <atomic>
#include <cmath>
#include <string>
#include <utility>

#include "temporal.h"

namespace adainstyle {
namespace {

std::uint64_t new_picture_id() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

EncodedStyle::EncodedStyle(std::uint64_t model_id, std::vector<std::uint64_t> picture_ids, StyleStatistics encoded)
    : model(model_id), pictures(std::move(picture_ids)), statistics(std::move(encoded)) {}

GreyMask::GreyMask(GreyPicture grey) : id(new_picture_id()), picture(std::move(grey)) {}

std::shared_ptr<const EncodedStyle> style_of_picture(std::uint64_t model_id, StyleStatistics statistics) {
  return std::make_shared<EncodedStyle>(model_id, std::vector{new_picture_id()}, std::move(statistics));
}

std::shared_ptr<const EncodedStyle> mix(std::uint64_t model_id, const std::vector<WeightedStyle>& styles) {
  double sum = 0.0;
  for (const WeightedStyle& style : styles) {
    if (!(style.weight >= 0.0f) || std::isinf(style.weight)) {
      throw Error(ErrorCode::kSettings, "a style's weight is " + std::to_string(style.weight) + "; it must be 0 or more.");
    }
    sum += style.weight;
  }
  if (!(sum > 0.0)) throw Error(ErrorCode::kSettings, "no style has a weight above 0; give at least one.");
  std::vector<std::uint64_t> pictures;
  StyleStatistics mixed;
  double so_far = 0.0;
  for (const WeightedStyle& style : styles) {
    const EncodedStyle& encoded = encoded_by(model_id, style.style.get());
    pictures.insert(pictures.end(), encoded.pictures.begin(), encoded.pictures.end());
    so_far += style.weight;
    if (!(so_far > 0.0)) continue;
    mixed = mixed.empty() ? encoded.statistics : interpolate(mixed, encoded.statistics, static_cast<float>(style.weight / so_far));
  }
  return std::make_shared<EncodedStyle>(model_id, std::move(pictures), std::move(mixed));
}

const EncodedStyle& encoded_by(std::uint64_t model_id, const Style* style) {
  const auto* encoded = dynamic_cast<const EncodedStyle*>(style);
  if (!encoded) throw Error(ErrorCode::kSettings, "no style is set; load a style picture first.");
  if (encoded->model == model_id) return *encoded;
  throw Error(ErrorCode::kSettings, "the style was encoded by another model file; load it again with this one.");
}

}  // namespace adainstyle
