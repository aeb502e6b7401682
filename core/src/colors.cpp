// SPDX-License-Identifier: MIT
#include "colors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "pixels/pixel_body.h"
#include "temporal.h"

namespace adainstyle {
namespace {

constexpr double kFollowMs = 3000.0;

// What counts as a visible move: two levels of 255 of a mean, or an eighth of a standard deviation.
constexpr float kMeanMove = 2.0f / 255.0f;
constexpr float kDeviationMove = 0.125f;

// Added to the variances, so that a grey picture has an inverse: a deviation of one level of 255.
constexpr double kLeastVariance = 1.0 / (255.0 * 255.0);

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix product{};
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int k = 0; k < 3; ++k) product[i][j] += a[i][k] * b[k][j];
    }
  }
  return product;
}

// A symmetric matrix raised to `power`, by Jacobi rotations.
Matrix symmetric_power(Matrix a, double power) {
  Matrix vectors{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  for (int sweep = 0; sweep < 16; ++sweep) {
    for (int pair = 0; pair < 3; ++pair) {
      const int p = pair == 2 ? 1 : 0;
      const int q = pair == 0 ? 1 : 2;
      if (std::fabs(a[p][q]) < 1e-15) continue;
      const double angle = 0.5 * std::atan2(2.0 * a[p][q], a[q][q] - a[p][p]);
      Matrix rotation{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
      rotation[p][p] = rotation[q][q] = std::cos(angle);
      rotation[p][q] = std::sin(angle);
      rotation[q][p] = -std::sin(angle);
      Matrix transposed{};
      for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) transposed[i][j] = rotation[j][i];
      }
      a = multiply(transposed, multiply(a, rotation));
      vectors = multiply(vectors, rotation);
    }
  }
  Matrix result{};
  for (int k = 0; k < 3; ++k) {
    const double value = std::pow(std::max(a[k][k], kLeastVariance), power);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) result[i][j] += vectors[i][k] * value * vectors[j][k];
    }
  }
  return result;
}

Matrix covariance_of(const ColorStatistics& colors) {
  Matrix matrix;
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) matrix[i][j] = colors.covariance[i][j] + (i == j ? kLeastVariance : 0.0);
  }
  return matrix;
}

void move_towards(ColorStatistics& average, const ColorStatistics& colors, float share) {
  for (int i = 0; i < 3; ++i) {
    average.mean[i] += share * (colors.mean[i] - average.mean[i]);
    for (int j = 0; j < 3; ++j) average.covariance[i][j] += share * (colors.covariance[i][j] - average.covariance[i][j]);
  }
}

bool visibly_apart(const ColorStatistics& a, const ColorStatistics& b) {
  for (int i = 0; i < 3; ++i) {
    if (std::fabs(a.mean[i] - b.mean[i]) > kMeanMove) return true;
    const float deviation_a = std::sqrt(std::max(a.covariance[i][i], 0.0f));
    const float deviation_b = std::sqrt(std::max(b.covariance[i][i], 0.0f));
    if (std::fabs(deviation_a - deviation_b) > kMeanMove + kDeviationMove * std::min(deviation_a, deviation_b)) return true;
  }
  return false;
}

}  // namespace

ColorStatistics measure_colors(const ImageView& picture) {
  const PixelReader color_at(picture);
  double sum[3] = {};
  double products[3][3] = {};
  double count = 0.0;
  for (int y = 0; y < picture.height; y += 4) {
    for (int x = 0; x < picture.width; x += 4, ++count) {
      const Rgb color = color_at(x, y);
      const float value[3] = {color.red / 255.0f, color.green / 255.0f, color.blue / 255.0f};
      for (int i = 0; i < 3; ++i) {
        sum[i] += value[i];
        for (int j = i; j < 3; ++j) products[i][j] += value[i] * value[j];
      }
    }
  }
  ColorStatistics colors;
  for (int i = 0; i < 3; ++i) colors.mean[i] = static_cast<float>(sum[i] / count);
  for (int i = 0; i < 3; ++i) {
    for (int j = i; j < 3; ++j) {
      colors.covariance[i][j] = colors.covariance[j][i] =
          static_cast<float>(products[i][j] / count - sum[i] / count * sum[j] / count);
    }
  }
  return colors;
}

void match_colors(DecodedImage& picture, const ColorStatistics& target) {
  const ColorStatistics own = measure_colors(picture.view());
  const Matrix map = multiply(symmetric_power(covariance_of(target), 0.5), symmetric_power(covariance_of(own), -0.5));
  for (std::size_t at = 0; at + 2 < picture.rgb.size(); at += 3) {
    double from[3];
    for (int c = 0; c < 3; ++c) from[c] = picture.rgb[at + c] / 255.0 - own.mean[c];
    for (int c = 0; c < 3; ++c) {
      const double value = map[c][0] * from[0] + map[c][1] * from[1] + map[c][2] * from[2] + target.mean[c];
      picture.rgb[at + c] = static_cast<std::uint8_t>(std::clamp(value * 255.0 + 0.5, 0.0, 255.0));
    }
  }
}

void ColorFollower::add(const ImageView& picture, std::int64_t time_ns, bool cut) {
  const ColorStatistics colors = measure_colors(picture);
  if (!average_ || cut || time_ns < last_time_) {
    average_ = colors;
  } else {
    move_towards(*average_, colors, average_share(time_ns - last_time_, kFollowMs));
  }
  last_time_ = time_ns;
}

std::optional<ColorStatistics> ColorFollower::changed() {
  if (!average_ || (returned_ && !visibly_apart(*average_, *returned_))) return std::nullopt;
  returned_ = average_;
  return average_;
}

void keep_chroma(const ImageView& original, const MutableImageView& painted, int threads) {
  const PixelLayout from = pixel_layout(original.format);
  const PixelLayout to = pixel_layout(painted.format);
  const auto luma_of = [](const std::uint8_t* pixel, const PixelLayout& layout) {
    return 77 * pixel[layout.red] + 150 * pixel[layout.green] + 29 * pixel[layout.blue];
  };
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int y = 0; y < original.height; ++y) {
    const std::uint8_t* source = original.planes[0] + y * original.strides[0];
    std::uint8_t* pixel = painted.planes[0] + y * painted.strides[0];
    for (int x = 0; x < original.width; ++x, source += from.bytes, pixel += to.bytes) {
      const int move = (luma_of(pixel, to) - luma_of(source, from) + 128) >> 8;
      pixel[to.red] = static_cast<std::uint8_t>(std::clamp(source[from.red] + move, 0, 255));
      pixel[to.green] = static_cast<std::uint8_t>(std::clamp(source[from.green] + move, 0, 255));
      pixel[to.blue] = static_cast<std::uint8_t>(std::clamp(source[from.blue] + move, 0, 255));
    }
  }
}

}  // namespace adainstyle
