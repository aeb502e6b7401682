// SPDX-License-Identifier: MIT
#include "engine/cuda_kernels.h"
#include "engine/cuda_launch.h"
#include "engine/feature_body.h"

namespace adainstyle {
namespace {

constexpr dim3 kThreads(32, 8);

dim3 grid_of(int width, int height) { return dim3(blocks_for(width, kThreads.x), blocks_for(height, kThreads.y)); }

// One thread a feature pixel, the border included.
template <typename Number>
__global__ void read_kernel(PixelReader color_at, int picture_width, int picture_height, int block, FeatureMap features,
                            Border border) {
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) - features.border;
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y) - features.border;
  if (x >= features.width + features.border || y >= features.height + features.border) return;
  read_pixel<Number>(color_at, picture_width, picture_height, block, features, border, x, y);
}

// One thread a picture pixel.
template <typename Number>
__global__ void write_kernel(FeatureColor<Number> color, ImageView source, PixelLayout source_layout, MutableImageView picture,
                             PixelLayout layout) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= picture.width || y >= picture.height) return;
  store_pixel(source, source_layout, picture, layout, x, y, color.value(0, x, y), color.value(1, x, y), color.value(2, x, y));
}

// One thread a chroma sample, with the luma of the pixels that share it.
template <typename Number>
__global__ void write_yuv_kernel(FeatureColor<Number> color, MutableImageView picture, YuvEncoder encoder) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (2 * x < picture.width && 2 * y < picture.height) store_yuv_block(picture, encoder, x, y, color);
}

}  // namespace

const char* cuda_read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border, NumberFormat format,
                              adainstyle_cuda_stream stream) {
  with_number(format, [&](auto* type) {
    const dim3 grid = grid_of(features.width + 2 * features.border, features.height + 2 * features.border);
    read_kernel<std::remove_pointer_t<decltype(type)>>
        <<<grid, kThreads, 0, stream>>>(PixelReader(picture), picture.width, picture.height, block, features, border);
  });
  return last_launch_error();
}

const char* cuda_write_picture(const FeatureMap& features, const float* bias, int block, NumberFormat format,
                               const ImageView& source, const MutableImageView& picture, adainstyle_cuda_stream stream) {
  with_number(format, [&](auto* type) {
    const FeatureColor<std::remove_pointer_t<decltype(type)>> color{features, bias, block};
    if (is_yuv(picture.format)) {
      write_yuv_kernel<<<grid_of((picture.width + 1) / 2, (picture.height + 1) / 2), kThreads, 0, stream>>>(
          color, picture, yuv_encoder(picture.yuv));
    } else {
      write_kernel<<<grid_of(picture.width, picture.height), kThreads, 0, stream>>>(color, source, pixel_layout(source.format),
                                                                                    picture, pixel_layout(picture.format));
    }
  });
  return last_launch_error();
}

}  // namespace adainstyle
