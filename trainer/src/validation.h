// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "image_file.h"
#include "loss_network.h"
#include "metrics.h"
#include "plain_network.h"

namespace adainstyle {

// A picture file as float32 [1, 3, H, W] in [0, 1]. size > 0: resized to that short side and cropped to a square in the centre.
at::Tensor load_picture(const std::string& path, int size);

// Pictures of one size [3, H, W] (each in [0, 1]) side by side, `columns` in a row.
DecodedImage picture_grid(const std::vector<at::Tensor>& pictures, int columns);

// The figures of a set of pairs.
struct Measurement {
  Quality mean;
  std::vector<Quality> pairs;
  std::vector<std::pair<std::string, std::string>> names;  // paths of each pair's content and style
  std::vector<double> gains;                               // static gain of each pair
  double static_gain = 0.0;                                // their root mean square
};

nlohmann::json to_json(const Measurement& measurement);

// The figures of each pair.
nlohmann::json pairs_to_json(const Measurement& measurement);

// Held-out pairs, the i-th content with the i-th style, measured as design.md's protocol says. Features of the pairs are computed
// once, with the loss network in float32.
class Validation {
 public:
  Validation(const std::string& content_folder, const std::string& style_folder, const LossNetwork& network, int size,
             std::size_t max_pairs);

  std::size_t size() const { return pairs_.size(); }

  // The outputs made with `stylize` are clamped to [0, 1] before they are measured.
  Measurement run(const Stylize& stylize) const;

  // A grid with a row for each of the first `rows` pairs: content, style, output.
  DecodedImage grid(const Stylize& stylize, std::size_t rows) const;

 private:
  struct Pair {
    std::string content_path, style_path;
    at::Tensor content, style;
    LossFeatures content_features, style_features;
  };

  const LossNetwork& network_;
  std::vector<Pair> pairs_;
};

}  // namespace adainstyle
