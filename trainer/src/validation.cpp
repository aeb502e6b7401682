// SPDX-License-Identifier: MIT
#include "validation.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "adainstyle/error.h"
#include "dataset.h"

namespace adainstyle {
namespace {

nlohmann::json to_json(const Quality& quality) {
  return {{"Ls", quality.style}, {"Ls_per_tap", quality.style_per_tap}, {"Lt", quality.target}, {"Lin", quality.content}};
}

}  // namespace

at::Tensor load_picture(const std::string& path, int size) {
  at::Tensor picture = load_pixels(path, size).unsqueeze(0).to(at::kFloat) / 255.0;
  if (size == 0) return picture;
  return picture.narrow(2, (picture.size(2) - size) / 2, size).narrow(3, (picture.size(3) - size) / 2, size).contiguous();
}

DecodedImage picture_grid(const std::vector<at::Tensor>& pictures, int columns) {
  const auto height = static_cast<int>(pictures.front().size(1)), width = static_cast<int>(pictures.front().size(2));
  const int rows = (static_cast<int>(pictures.size()) + columns - 1) / columns;
  DecodedImage grid;
  grid.width = columns * width;
  grid.height = rows * height;
  grid.rgb.assign(static_cast<std::size_t>(grid.width) * grid.height * 3, 255);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const at::Tensor bytes = (pictures[i].clamp(0.0, 1.0) * 255.0).round().to(at::kByte).permute({1, 2, 0}).contiguous();
    const std::uint8_t* from = bytes.data_ptr<std::uint8_t>();
    const std::size_t top = i / columns * height, left = i % columns * width;
    for (int y = 0; y < height; ++y) {
      std::copy_n(from + static_cast<std::size_t>(y) * width * 3, width * 3, &grid.rgb[((top + y) * grid.width + left) * 3]);
    }
  }
  return grid;
}

nlohmann::json to_json(const Measurement& measurement) {
  nlohmann::json json = to_json(measurement.mean);
  json["static_gain"] = measurement.static_gain;
  json["pairs"] = measurement.pairs.size();
  return json;
}

nlohmann::json pairs_to_json(const Measurement& measurement) {
  nlohmann::json all = nlohmann::json::array();
  for (std::size_t i = 0; i < measurement.pairs.size(); ++i) {
    all.push_back(to_json(measurement.pairs[i]));
    all.back()["content"] = measurement.names[i].first;
    all.back()["style"] = measurement.names[i].second;
    if (!measurement.gains.empty()) all.back()["static_gain"] = measurement.gains[i];
  }
  return all;
}

Validation::Validation(const std::string& content_folder, const std::string& style_folder, const LossNetwork& network, int size,
                       std::size_t max_pairs)
    : network_(network) {
  const std::vector<std::string> contents = find_pictures(content_folder), styles = find_pictures(style_folder);
  const std::size_t count = std::min({contents.size(), styles.size(), max_pairs});
  for (std::size_t i = 0; i < count; ++i) {
    Pair pair;
    pair.content_path = contents[i];
    pair.style_path = styles[i];
    pair.content = load_picture(contents[i], size);
    pair.style = load_picture(styles[i], size);
    pair.content_features = network.features(pair.content);
    pair.style_features = network.features(pair.style);
    pairs_.push_back(std::move(pair));
  }
}

Measurement Validation::run(const Stylize& stylize) const {
  const at::NoGradGuard no_grad;
  const Stylize clamped = [&](const at::Tensor& content, const at::Tensor& style) {
    return stylize(content, style).to(at::kFloat).clamp(0.0, 1.0);
  };
  Measurement result;
  double squared_gain = 0.0;
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const Pair& pair = pairs_[i];
    const LossFeatures output = network_.features(clamped(pair.content, pair.style));
    result.pairs.push_back(measure(pair.content_features, pair.style_features, output));
    result.names.emplace_back(pair.content_path, pair.style_path);
    result.mean += result.pairs.back();
    result.gains.push_back(static_gain(clamped, pair.content, pair.style, i));
    squared_gain += result.gains.back() * result.gains.back();
  }
  const auto count = static_cast<double>(pairs_.size());
  result.mean /= count;
  result.static_gain = std::sqrt(squared_gain / count);
  return result;
}

DecodedImage Validation::grid(const Stylize& stylize, std::size_t rows) const {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> pictures;
  for (std::size_t i = 0; i < std::min(rows, pairs_.size()); ++i) {
    pictures.push_back(pairs_[i].content[0]);
    pictures.push_back(pairs_[i].style[0]);
    pictures.push_back(stylize(pairs_[i].content, pairs_[i].style).to(at::kFloat)[0]);
  }
  return picture_grid(pictures, 3);
}

}  // namespace adainstyle
