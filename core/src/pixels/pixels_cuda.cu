// SPDX-License-Identifier: MIT
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "pixels/pixel_body.h"
#include "pixels/pixels_cuda.h"

namespace adainstyle {
namespace {

constexpr dim3 kThreads(32, 8);

dim3 grid_of(int width, int height) { return dim3((width + kThreads.x - 1) / kThreads.x, (height + kThreads.y - 1) / kThreads.y); }

// One thread a picture pixel, the reflection beyond the edges included.
template <typename Number>
__global__ void read_kernel(ImageView picture, PixelReader color_at, int block, int height, int width, Number* features) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width * block || y >= height * block) return;
  const Rgb color = color_at(reflect_index(x, picture.width), reflect_index(y, picture.height));
  const int area = block * block;
  Number* feature =
      features + (static_cast<std::ptrdiff_t>(y / block) * width + x / block) * 3 * area + y % block * block + x % block;
  feature[0] = static_cast<Number>(static_cast<float>(color.red));
  feature[area] = static_cast<Number>(static_cast<float>(color.green));
  feature[2 * area] = static_cast<Number>(static_cast<float>(color.blue));
}

template <typename Number>
__global__ void write_kernel(const Number* features, int block, int width, ImageView source, PixelLayout source_layout,
                             MutableImageView picture, PixelLayout layout) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= picture.width || y >= picture.height) return;
  const int area = block * block;
  const Number* feature =
      features + (static_cast<std::ptrdiff_t>(y / block) * width + x / block) * 3 * area + y % block * block + x % block;
  store_pixel(source_layout, pixel_at(source, source_layout.bytes, x, y), layout, pixel_at(picture, layout.bytes, x, y),
              static_cast<float>(feature[0]), static_cast<float>(feature[area]), static_cast<float>(feature[2 * area]));
}

// One thread a chroma sample, with the luma of the pixels that share it.
template <typename Number>
__global__ void write_yuv_kernel(const Number* features, int block, int width, MutableImageView picture, YuvEncoder encoder) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (2 * x >= picture.width || 2 * y >= picture.height) return;
  const int area = block * block;
  store_yuv_block(picture, encoder, x, y, [&](int column, int line) {
    const Number* feature = features + (static_cast<std::ptrdiff_t>(line / block) * width + column / block) * 3 * area +
                            line % block * block + column % block;
    return Rgb{to_byte(static_cast<float>(feature[0])), to_byte(static_cast<float>(feature[area])),
               to_byte(static_cast<float>(feature[2 * area]))};
  });
}

const char* last_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

// Calls `call` with a null pointer of the number's type.
template <typename Call>
void with_number(CudaNumber number, const Call& call) {
  switch (number) {
    case CudaNumber::kFp32: return call(static_cast<float*>(nullptr));
    case CudaNumber::kFp16: return call(static_cast<__half*>(nullptr));
    case CudaNumber::kBf16: return call(static_cast<__nv_bfloat16*>(nullptr));
  }
}

}  // namespace

const char* cuda_read_picture(const ImageView& picture, int block, int height, int width, CudaNumber number, void* features,
                              adainstyle_cuda_stream stream) {
  with_number(number, [&](auto* type) {
    read_kernel<<<grid_of(width * block, height * block), kThreads, 0, stream>>>(picture, PixelReader(picture), block, height,
                                                                                 width, static_cast<decltype(type)>(features));
  });
  return last_error();
}

const char* cuda_write_picture(const void* features, CudaNumber number, int block, int width, const ImageView& source,
                               const MutableImageView& picture, adainstyle_cuda_stream stream) {
  with_number(number, [&](auto* type) {
    const auto* rows = static_cast<const std::remove_pointer_t<decltype(type)>*>(features);
    if (is_yuv(picture.format)) {
      write_yuv_kernel<<<grid_of((picture.width + 1) / 2, (picture.height + 1) / 2), kThreads, 0, stream>>>(
          rows, block, width, picture, yuv_encoder(picture.yuv));
    } else {
      write_kernel<<<grid_of(picture.width, picture.height), kThreads, 0, stream>>>(
          rows, block, width, source, pixel_layout(source.format), picture, pixel_layout(picture.format));
    }
  });
  return last_error();
}

}  // namespace adainstyle
