// SPDX-License-Identifier: MIT
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <string>

#include "engine/cuda_entry.h"
#include "pixels/pixels_cuda.h"

namespace adainstyle {
namespace {

void check(const char* error, const char* what) {
  if (error) throw Error(ErrorCode::kLibrary, std::string("the GPU failed while ") + what + ": " + error);
}

void check(cudaError_t error, const char* what) { check(error == cudaSuccess ? nullptr : cudaGetErrorString(error), what); }

CudaNumber number_of(at::ScalarType dtype) {
  return dtype == at::kHalf ? CudaNumber::kFp16 : dtype == at::kBFloat16 ? CudaNumber::kBf16 : CudaNumber::kFp32;
}

// Frames in system memory: copied up and down row by row (2D copies honour both strides), converted on the GPU.
class CudaTransfer : public PictureTransfer {
 public:
  explicit CudaTransfer(int index) : device_(at::kCUDA, static_cast<at::DeviceIndex>(index)) {}

  at::Tensor read(const ImageView& picture, int block, int height, int width, at::ScalarType dtype) override {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device_.index());
    staged_ = stage<const std::uint8_t>(picture, input_);
    for (int plane = 0; plane < plane_count(picture.format); ++plane) {
      const PlaneSize size = plane_size(picture.format, picture.width, picture.height, plane);
      check(cudaMemcpy2DAsync(const_cast<std::uint8_t*>(staged_.planes[plane]), size.row_bytes, picture.planes[plane],
                              picture.strides[plane], size.row_bytes, size.rows, cudaMemcpyHostToDevice, stream),
            "copying a frame to it");
    }
    at::Tensor features = at::empty({1, height, width, 3 * block * block}, at::TensorOptions(device_).dtype(dtype));
    check(cuda_read_picture(staged_, block, height, width, number_of(dtype), features.mutable_data_ptr(), stream),
          "reading a frame");
    return features.permute({0, 3, 1, 2});
  }

  void write(const at::Tensor& features, int block, const ImageView& /*input*/, const MutableImageView& output) override {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device_.index());
    const at::Tensor rows = features.permute({0, 2, 3, 1}).contiguous();  // [1, height, width, channels]
    const MutableImageView staged = stage<std::uint8_t>(output, output_);
    check(cuda_write_picture(rows.const_data_ptr(), number_of(rows.scalar_type()), block, static_cast<int>(rows.size(2)), staged_,
                             staged, stream),
          "writing a frame");
    for (int plane = 0; plane < plane_count(output.format); ++plane) {
      const PlaneSize size = plane_size(output.format, output.width, output.height, plane);
      check(cudaMemcpy2DAsync(output.planes[plane], output.strides[plane], staged.planes[plane], size.row_bytes, size.row_bytes,
                              size.rows, cudaMemcpyDeviceToHost, stream),
            "copying a frame from it");
    }
    check(cudaStreamSynchronize(stream), "repainting a frame");
  }

 private:
  // The same picture in `buffer` on the GPU, its rows one after the other.
  template <typename Byte>
  BasicImageView<Byte> stage(BasicImageView<Byte> picture, at::Tensor& buffer) const {
    std::size_t bytes = 0;
    std::size_t offsets[kMaxPlanes] = {};
    for (int plane = 0; plane < plane_count(picture.format); ++plane) {
      const PlaneSize size = plane_size(picture.format, picture.width, picture.height, plane);
      offsets[plane] = bytes;
      bytes += size.row_bytes * size.rows;
      picture.strides[plane] = size.row_bytes;
    }
    if (!buffer.defined() || buffer.nbytes() < bytes) {
      buffer = at::empty({static_cast<std::int64_t>(bytes)}, at::TensorOptions(device_).dtype(at::kByte));
    }
    for (int plane = 0; plane < plane_count(picture.format); ++plane) {
      picture.planes[plane] = buffer.mutable_data_ptr<std::uint8_t>() + offsets[plane];
    }
    return picture;
  }

  at::Device device_;
  at::Tensor input_;  // the frame as it came, on the GPU: write() takes alpha from it
  at::Tensor output_;
  ImageView staged_;
};

// Frames on the GPU: read and written where they lie, whatever their pitch.
class InPlaceTransfer : public PictureTransfer {
 public:
  explicit InPlaceTransfer(int index) : device_(at::kCUDA, static_cast<at::DeviceIndex>(index)) {}

  at::Tensor read(const ImageView& picture, int block, int height, int width, at::ScalarType dtype) override {
    const c10::cuda::CUDAGuard guard(device_);
    at::Tensor features = at::empty({1, height, width, 3 * block * block}, at::TensorOptions(device_).dtype(dtype));
    check(cuda_read_picture(picture, block, height, width, number_of(dtype), features.mutable_data_ptr(),
                            c10::cuda::getCurrentCUDAStream(device_.index())),
          "reading a frame");
    return features.permute({0, 3, 1, 2});
  }

  void write(const at::Tensor& features, int block, const ImageView& input, const MutableImageView& output) override {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device_.index());
    const at::Tensor rows = features.permute({0, 2, 3, 1}).contiguous();  // [1, height, width, channels]
    check(cuda_write_picture(rows.const_data_ptr(), number_of(rows.scalar_type()), block, static_cast<int>(rows.size(2)), input,
                             output, stream),
          "writing a frame");
    check(cudaStreamSynchronize(stream), "repainting a frame");
  }

 private:
  at::Device device_;
};

// Either, by where the frame lies.
class AnyTransfer : public PictureTransfer {
 public:
  explicit AnyTransfer(int index) : system_(index), in_place_(index) {}

  at::Tensor read(const ImageView& picture, int block, int height, int width, at::ScalarType dtype) override {
    return of(picture.device).read(picture, block, height, width, dtype);
  }

  void write(const at::Tensor& features, int block, const ImageView& input, const MutableImageView& output) override {
    of(output.device).write(features, block, input, output);
  }

 private:
  PictureTransfer& of(const Device& device) {
    return device.type == DeviceType::kCuda ? static_cast<PictureTransfer&>(in_place_) : system_;
  }

  CudaTransfer system_;
  InPlaceTransfer in_place_;
};

}  // namespace
}  // namespace adainstyle

adainstyle::PictureTransfer* adainstyle_make_cuda_transfer(int device_index) { return new adainstyle::AnyTransfer(device_index); }
