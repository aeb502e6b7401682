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
    const PixelLayout layout = pixel_layout(picture.format);
    const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * layout.bytes;
    reserve(input_, row_bytes * picture.height);
    ImageView staged = picture;
    staged.planes[0] = input_.const_data_ptr<std::uint8_t>();
    staged.strides[0] = static_cast<std::ptrdiff_t>(row_bytes);
    check(cudaMemcpy2DAsync(input_.mutable_data_ptr<std::uint8_t>(), row_bytes, picture.planes[0], picture.strides[0], row_bytes,
                            picture.height, cudaMemcpyHostToDevice, stream),
          "copying a frame to it");
    staged_ = staged;
    at::Tensor features = at::empty({1, height, width, 3 * block * block}, at::TensorOptions(device_).dtype(dtype));
    check(cuda_read_picture(staged, block, height, width, number_of(dtype), features.mutable_data_ptr(), stream),
          "reading a frame");
    return features.permute({0, 3, 1, 2});
  }

  void write(const at::Tensor& features, int block, const ImageView& /*input*/, const MutableImageView& output) override {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(device_.index());
    const at::Tensor rows = features.permute({0, 2, 3, 1}).contiguous();  // [1, height, width, channels]
    const PixelLayout layout = pixel_layout(output.format);
    const std::size_t row_bytes = static_cast<std::size_t>(output.width) * layout.bytes;
    reserve(output_, row_bytes * output.height);
    MutableImageView staged = output;
    staged.planes[0] = output_.mutable_data_ptr<std::uint8_t>();
    staged.strides[0] = static_cast<std::ptrdiff_t>(row_bytes);
    check(cuda_write_picture(rows.const_data_ptr(), number_of(rows.scalar_type()), block, static_cast<int>(rows.size(2)), staged_,
                             staged, stream),
          "writing a frame");
    check(cudaMemcpy2DAsync(output.planes[0], output.strides[0], staged.planes[0], row_bytes, row_bytes, output.height,
                            cudaMemcpyDeviceToHost, stream),
          "copying a frame from it");
    check(cudaStreamSynchronize(stream), "repainting a frame");
  }

 private:
  void reserve(at::Tensor& buffer, std::size_t bytes) const {
    if (buffer.defined() && buffer.nbytes() >= bytes) return;
    buffer = at::empty({static_cast<std::int64_t>(bytes)}, at::TensorOptions(device_).dtype(at::kByte));
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
