// SPDX-License-Identifier: MIT
#include "engine/cuda_staging.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

namespace adainstyle {
namespace {

bool is_pinned(const void* pointer) {
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, pointer) != cudaSuccess) {
    cudaGetLastError();
    return false;
  }
  return attributes.type == cudaMemoryTypeHost;
}

struct Rows {
  int first, count;
};

Rows band_of(int rows, int band, int bands) {
  const int first = static_cast<int>(static_cast<long long>(rows) * band / bands);
  return {first, static_cast<int>(static_cast<long long>(rows) * (band + 1) / bands) - first};
}

void copy_rows(std::uint8_t* to, std::ptrdiff_t to_stride, const std::uint8_t* from, std::ptrdiff_t from_stride,
               const PlaneSize& size, const Rows& rows) {
  for (int y = rows.first; y < rows.first + rows.count; ++y)
    std::memcpy(to + y * to_stride, from + y * from_stride, size.row_bytes);
}

}  // namespace

void CudaStaging::lay_out(Side& side, MutableImageView like) const {
  std::int64_t bytes = 0;
  std::int64_t offsets[kMaxPlanes] = {};
  for (int plane = 0; plane < plane_count(like.format); ++plane) {
    const PlaneSize size = plane_size(like.format, like.width, like.height, plane);
    offsets[plane] = bytes;
    bytes += size.row_bytes * size.rows;
    like.strides[plane] = size.row_bytes;
  }
  if (!side.on_gpu.defined() || side.on_gpu.numel() < bytes) {
    side.on_gpu = at::empty({bytes}, at::TensorOptions(device_).dtype(at::kByte));
    side.pinned = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
  }
  for (int plane = 0; plane < plane_count(like.format); ++plane) {
    like.planes[plane] = side.on_gpu.mutable_data_ptr<std::uint8_t>() + offsets[plane];
  }
  like.device = {DeviceType::kCuda, device_.index()};
  side.view = like;
}

std::uint8_t* CudaStaging::pinned_plane(Side& side, int plane) const {
  return side.pinned.mutable_data_ptr<std::uint8_t>() + (side.view.planes[plane] - side.view.planes[0]);
}

ImageView CudaStaging::upload(const ImageView& picture, cudaStream_t stream) {
  MutableImageView like;
  like.format = picture.format;
  like.width = picture.width;
  like.height = picture.height;
  like.yuv = picture.yuv;
  lay_out(input_, like);
  for (int plane = 0; plane < plane_count(picture.format); ++plane) {
    const PlaneSize size = plane_size(picture.format, picture.width, picture.height, plane);
    std::uint8_t* to = input_.view.planes[plane];
    if (picture.strides[plane] > 0 && is_pinned(picture.planes[plane])) {
      cuda_check(cudaMemcpy2DAsync(to, size.row_bytes, picture.planes[plane], picture.strides[plane], size.row_bytes, size.rows,
                                   cudaMemcpyHostToDevice, stream),
                 "copying a frame to it");
      continue;
    }
    std::uint8_t* pinned = pinned_plane(input_, plane);
    for (int band = 0; band < kBands; ++band) {
      const Rows rows = band_of(size.rows, band, kBands);
      copy_rows(pinned, size.row_bytes, picture.planes[plane], picture.strides[plane], size, rows);
      const std::ptrdiff_t first = rows.first * size.row_bytes;
      cuda_check(cudaMemcpyAsync(to + first, pinned + first, rows.count * size.row_bytes, cudaMemcpyHostToDevice, stream),
                 "copying a frame to it");
    }
  }
  ImageView staged;
  staged.format = picture.format;
  staged.width = picture.width;
  staged.height = picture.height;
  staged.yuv = picture.yuv;
  staged.device = input_.view.device;
  std::copy(std::begin(input_.view.planes), std::end(input_.view.planes), staged.planes);
  std::copy(std::begin(input_.view.strides), std::end(input_.view.strides), staged.strides);
  return staged;
}

MutableImageView CudaStaging::room_for(const MutableImageView& picture) {
  lay_out(output_, picture);
  return output_.view;
}

void CudaStaging::download(const MutableImageView& picture, cudaStream_t stream) {
  for (int plane = 0; plane < plane_count(picture.format); ++plane) {
    const PlaneSize size = plane_size(picture.format, picture.width, picture.height, plane);
    std::uint8_t* pinned = pinned_plane(output_, plane);
    for (int band = 0; band < kBands; ++band) {
      const Rows rows = band_of(size.rows, band, kBands);
      const std::ptrdiff_t first = rows.first * size.row_bytes;
      cuda_check(cudaMemcpyAsync(pinned + first, output_.view.planes[plane] + first, rows.count * size.row_bytes,
                                 cudaMemcpyDeviceToHost, stream),
                 "copying a frame from it");
      arrived_[band].record(stream);
    }
    for (int band = 0; band < kBands; ++band) {
      arrived_[band].wait();
      copy_rows(picture.planes[plane], picture.strides[plane], pinned, size.row_bytes, size, band_of(size.rows, band, kBands));
    }
  }
}

}  // namespace adainstyle
