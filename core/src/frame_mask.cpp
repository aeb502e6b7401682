// SPDX-License-Identifier: MIT
#include "frame_mask.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "pixels/pixel_body.h"

namespace adainstyle {
namespace {

// One line resized by a triangle as wide as the larger of the two pixels: linear interpolation where it grows, an average of all
// that is covered where it shrinks. Values lie `step` apart on both sides.
void resize_line(const float* from, int from_count, std::ptrdiff_t from_step, float* to, int to_count, std::ptrdiff_t to_step) {
  const double ratio = static_cast<double>(from_count) / to_count;
  const double reach = std::max(ratio, 1.0);
  for (int i = 0; i < to_count; ++i) {
    const double middle = (i + 0.5) * ratio - 0.5;
    const int first = static_cast<int>(std::ceil(middle - reach));
    const int last = static_cast<int>(std::floor(middle + reach));
    double sum = 0.0;
    double weights = 0.0;
    for (int k = first; k <= last; ++k) {
      const double weight = 1.0 - std::fabs(k - middle) / reach;
      sum += weight * from[std::clamp(k, 0, from_count - 1) * from_step];
      weights += weight;
    }
    to[i * to_step] = static_cast<float>(sum / weights);
  }
}

// The running mean over 2 * radius + 1 values, the last ones repeated at the ends.
void blur_line(float* line, int count, std::ptrdiff_t step, int radius, std::vector<float>& copy) {
  copy.resize(count);
  for (int i = 0; i < count; ++i) copy[i] = line[i * step];
  double sum = 0.0;
  for (int k = -radius; k <= radius; ++k) sum += copy[std::clamp(k, 0, count - 1)];
  for (int i = 0; i < count; ++i) {
    line[i * step] = static_cast<float>(sum / (2 * radius + 1));
    sum += copy[std::min(i + radius + 1, count - 1)] - copy[std::max(i - radius, 0)];
  }
}

}  // namespace

GreyPicture grey_picture(const ImageView& picture) {
  const PixelReader color_at(picture);
  GreyPicture grey{picture.width, picture.height, {}};
  grey.levels.reserve(static_cast<std::size_t>(picture.width) * picture.height);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const Rgb color = color_at(x, y);
      const int luma = 77 * color.red + 150 * color.green + 29 * color.blue;
      grey.levels.push_back(static_cast<std::uint8_t>((luma + 128) >> 8));
    }
  }
  return grey;
}

bool FrameMask::fit(const GreyPicture& mask, std::uint64_t id, int width, int height, float feather) {
  if (id == id_ && width == width_ && height == height_ && feather == feather_) return false;
  id_ = id;
  width_ = width;
  height_ = height;
  feather_ = feather;
  ++version_;
  const std::vector<float> from(mask.levels.begin(), mask.levels.end());
  std::vector<float> wide(static_cast<std::size_t>(width) * mask.height);
  for (int y = 0; y < mask.height; ++y) {
    resize_line(from.data() + static_cast<std::ptrdiff_t>(y) * mask.width, mask.width, 1,
                wide.data() + static_cast<std::ptrdiff_t>(y) * width, width, 1);
  }
  std::vector<float> soft(static_cast<std::size_t>(width) * height);
  for (int x = 0; x < width; ++x) resize_line(wide.data() + x, mask.height, width, soft.data() + x, height, width);

  // Twice a running mean: an edge becomes a smooth S that is four radii wide.
  const int radius = static_cast<int>(std::lround(feather * static_cast<float>(height) / 4.0f));
  std::vector<float> copy;
  for (int pass = 0; pass < 2 && radius > 0; ++pass) {
    for (int y = 0; y < height; ++y) blur_line(soft.data() + static_cast<std::ptrdiff_t>(y) * width, width, 1, radius, copy);
    for (int x = 0; x < width; ++x) blur_line(soft.data() + x, height, width, radius, copy);
  }
  levels_.resize(soft.size());
  std::transform(soft.begin(), soft.end(), levels_.begin(),
                 [](float level) { return static_cast<std::uint8_t>(std::clamp(level + 0.5f, 0.0f, 255.0f)); });
  look();
  return true;
}

bool FrameMask::reset() {
  const bool had = id_ != 0;
  id_ = 0;
  width_ = height_ = 0;
  levels_ = {};
  cover_ = Cover::kEverything;
  return had;
}

void FrameMask::look() {
  const auto [low, high] = std::minmax_element(levels_.begin(), levels_.end());
  cover_ = *low == 255 ? Cover::kEverything : *high == 0 ? Cover::kNothing : Cover::kPart;
  int left = width_, top = height_, right = -1, bottom = -1;
  for (int y = 0; y < height_; ++y) {
    const std::uint8_t* row = levels_.data() + static_cast<std::ptrdiff_t>(y) * width_;
    for (int x = 0; x < width_; ++x) {
      if (row[x] == 0) continue;
      left = std::min(left, x);
      right = std::max(right, x);
      top = std::min(top, y);
      bottom = y;
    }
  }
  bounds_ = right < 0 ? Region{} : Region{left, top, right + 1 - left, bottom + 1 - top};
}

void FrameMask::lay_under(const ImageView& original, const MutableImageView& painting, int threads) const {
  const PixelLayout from = pixel_layout(original.format);
  const PixelLayout to = pixel_layout(painting.format);
  const int source_offsets[3] = {from.red, from.green, from.blue};
  const int offsets[3] = {to.red, to.green, to.blue};
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int y = 0; y < height_; ++y) {
    const std::uint8_t* share = levels_.data() + static_cast<std::ptrdiff_t>(y) * width_;
    const std::uint8_t* source = original.planes[0] + y * original.strides[0];
    std::uint8_t* pixel = painting.planes[0] + y * painting.strides[0];
    for (int x = 0; x < width_; ++x, source += from.bytes, pixel += to.bytes) {
      if (share[x] == 255) continue;
      for (int c = 0; c < 3; ++c) {
        const int mixed = share[x] * pixel[offsets[c]] + (255 - share[x]) * source[source_offsets[c]];
        pixel[offsets[c]] = static_cast<std::uint8_t>((mixed + 127) / 255);
      }
    }
  }
}

}  // namespace adainstyle
