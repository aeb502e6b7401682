// SPDX-License-Identifier: MIT
#include "engine/cpu_transfer.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "pixels/pixels.h"

namespace adainstyle {

at::Tensor read_features(const ImageView& picture, int block, int height, int width, at::ScalarType dtype) {
  const int channels = 3 * block * block;
  at::Tensor rows = at::empty({1, height, width, channels}, at::kFloat);
  float* data = rows.mutable_data_ptr<float>();
  at::parallel_for(0, height, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) {
      read_row_float(picture, block, static_cast<int>(y), width, channels, data + y * width * channels);
    }
  });
  return rows.permute({0, 3, 1, 2}).to(dtype);
}

void write_features(const at::Tensor& features, int block, const ImageView& input, const MutableImageView& output) {
  const at::Tensor rows = features.permute({0, 2, 3, 1}).to(at::kFloat).contiguous();  // [1, height, width, channels]
  const float* data = rows.const_data_ptr<float>();
  const int width = static_cast<int>(rows.size(2));
  const int channels = static_cast<int>(rows.size(3));
  const std::int64_t height = rows.size(1);
  at::parallel_for(0, (height + 1) / 2, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = 2 * begin; y < std::min(2 * end, height); ++y) {  // pairs of rows, as end_row() wants it
      write_row(data + y * width * channels, channels, block, 0, static_cast<int>(y), width, input, output);
      end_row(block, static_cast<int>(y), output);
    }
  });
}

}  // namespace adainstyle
