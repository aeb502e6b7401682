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
__global__ void read_kernel(ImageView picture, PixelLayout layout, int block, int height, int width, Number* features) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x;
  const int y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width * block || y >= height * block) return;
  const std::uint8_t* pixel = pixel_at(picture, layout.bytes, reflect_index(x, picture.width), reflect_index(y, picture.height));
  const int area = block * block;
  Number* feature =
      features + (static_cast<std::ptrdiff_t>(y / block) * width + x / block) * 3 * area + y % block * block + x % block;
  feature[0] = static_cast<Number>(static_cast<float>(pixel[layout.red]));
  feature[area] = static_cast<Number>(static_cast<float>(pixel[layout.green]));
  feature[2 * area] = static_cast<Number>(static_cast<float>(pixel[layout.blue]));
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
    read_kernel<<<grid_of(width * block, height * block), kThreads, 0, stream>>>(
        picture, pixel_layout(picture.format), block, height, width, static_cast<decltype(type)>(features));
  });
  return last_error();
}

const char* cuda_write_picture(const void* features, CudaNumber number, int block, int width, const ImageView& source,
                               const MutableImageView& picture, adainstyle_cuda_stream stream) {
  with_number(number, [&](auto* type) {
    write_kernel<<<grid_of(picture.width, picture.height), kThreads, 0, stream>>>(
        static_cast<const std::remove_pointer_t<decltype(type)>*>(features), block, width, source, pixel_layout(source.format),
        picture, pixel_layout(picture.format));
  });
  return last_error();
}

}  // namespace adainstyle
