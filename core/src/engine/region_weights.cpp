// SPDX-License-Identifier: MIT
#include "engine/region_weights.h"

#include <algorithm>
#include <cstddef>

#include "pixels/pixel_body.h"

namespace adainstyle {
namespace {

// Beyond the frame lies the mask's reflection, as the picture's does.
void fill(RegionWeights::Plane& plane, const TensorShape& shape, const FrameRegions& regions) {
  plane.inside.assign(static_cast<std::size_t>(plane.width) * plane.height, 0.0f);
  plane.inside_sum = 0.0;
  const float unit = 1.0f / (255.0f * static_cast<float>(shape.downscale * shape.downscale));
  for (int y = 0; y < plane.height; ++y) {
    float* row = plane.inside.data() + static_cast<std::size_t>(y) * plane.width;
    for (int dy = 0; dy < shape.downscale; ++dy) {
      const int line = reflect_index(y / shape.upscale * shape.downscale + dy, regions.height);
      const std::uint8_t* mask = regions.mask + static_cast<std::size_t>(line) * regions.width;
      for (int x = 0; x < plane.width * shape.downscale; ++x) {
        row[x / shape.downscale] += static_cast<float>(mask[reflect_index(x / shape.upscale, regions.width)]);
      }
    }
    for (int x = 0; x < plane.width; ++x) {
      row[x] *= unit;
      plane.inside_sum += row[x];
    }
  }
  plane.outside_sum = static_cast<double>(plane.width) * plane.height - plane.inside_sum;
}

}  // namespace

RegionWeights::RegionWeights(const Plan& plan) : plan_(plan) {
  for (const AdaINPoint& point : plan.adains) planes_[{plan.tensors[point.tensor].downscale, plan.tensors[point.tensor].upscale}];
  for (const int tensor : plan.tap_tensors) {
    if (tensor >= 0) planes_[{plan.tensors[tensor].downscale, plan.tensors[tensor].upscale}];
  }
}

void RegionWeights::follow(const FrameRegions& regions) {
  if (regions.version == version_ && regions.width == width_ && regions.height == height_) return;
  version_ = regions.version;
  width_ = regions.width;
  height_ = regions.height;
  for (auto& [scale, plane] : planes_) {
    const TensorShape shape{0, scale.first, scale.second};
    plane.width = tensor_side(shape, extended_side(plan_, regions.width));
    plane.height = tensor_side(shape, extended_side(plan_, regions.height));
    fill(plane, shape, regions);
  }
}

const RegionWeights::Plane& RegionWeights::plane(int index) const {
  const TensorShape& shape = plan_.tensors[plan_.steps[index].output];
  return planes_.at({shape.downscale, shape.upscale});
}

}  // namespace adainstyle
