// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "adainstyle/image.h"

namespace adainstyle::test {

// A packed RGB frame that owns its bytes.
struct Frame {
  Frame(int w, int h) : width(w), height(h), bytes(static_cast<std::size_t>(w) * h * 3) {}

  // Smooth waves and some noise; another seed gives another picture, brighter by `offset`.
  static Frame waves(int w, int h, unsigned seed, int offset = 0) {
    Frame frame(w, h);
    std::mt19937 random(seed);
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        for (int c = 0; c < 3; ++c) {
          const double wave =
              110 + offset + 60 * std::sin(0.11 * (c + 1) * x + 0.9 * seed) * std::cos(0.09 * (3 - c) * y + 0.4 * seed);
          frame.at(x, y)[c] = static_cast<std::uint8_t>(std::clamp(wave + static_cast<double>(random() % 21) - 10.0, 0.0, 255.0));
        }
      }
    }
    return frame;
  }

  std::uint8_t* at(int x, int y) { return &bytes[(static_cast<std::size_t>(y) * width + x) * 3]; }
  const std::uint8_t* at(int x, int y) const { return &bytes[(static_cast<std::size_t>(y) * width + x) * 3]; }

  // The picture moved right by `pixels`, what leaves it coming in again at the left.
  Frame shifted(int pixels) const {
    Frame frame(width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) std::copy_n(at((x - pixels % width + width) % width, y), 3, frame.at(x, y));
    }
    return frame;
  }

  // With Gaussian noise, as a sensor adds it.
  Frame noisy(double sigma, unsigned seed) const {
    Frame frame = *this;
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(0.0, sigma);
    for (std::uint8_t& byte : frame.bytes)
      byte = static_cast<std::uint8_t>(std::clamp(std::round(byte + noise(random)), 0.0, 255.0));
    return frame;
  }

  ImageView view() const {
    ImageView image;
    image.width = width;
    image.height = height;
    image.planes[0] = bytes.data();
    image.strides[0] = width * 3;
    return image;
  }

  MutableImageView mutable_view() {
    MutableImageView image;
    image.width = width;
    image.height = height;
    image.planes[0] = bytes.data();
    image.strides[0] = width * 3;
    return image;
  }

  int width;
  int height;
  std::vector<std::uint8_t> bytes;
};

inline int largest_difference(const Frame& a, const Frame& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) largest = std::max(largest, std::abs(a.bytes[i] - b.bytes[i]));
  return largest;
}

inline double mean_difference(const Frame& a, const Frame& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.bytes.size(); ++i) sum += std::abs(a.bytes[i] - b.bytes[i]);
  return sum / static_cast<double>(a.bytes.size());
}

}  // namespace adainstyle::test
