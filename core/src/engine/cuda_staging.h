// SPDX-License-Identifier: MIT
#pragma once

#include <array>

#include <ATen/core/Tensor.h>

#include "adainstyle/image.h"
#include "engine/cuda_check.h"

namespace adainstyle {

// Note [Staging]
// A frame in system memory goes through pinned memory, which alone the GPU copies from by itself. It goes in bands of rows: while the
// GPU fetches a band, the CPU brings the next one there, and the same on the way back. Frames that are pinned already are copied row by
// row from where they lie (2D copies honour the strides). Copying and computing overlap no further: a filter that gives each frame back
// before it takes the next one has nothing to compute while a frame is on its way.
class CudaStaging {
 public:
  explicit CudaStaging(int device) : device_(at::kCUDA, static_cast<at::DeviceIndex>(device)) {}

  // The picture on the GPU, rows packed; until the next upload. Its memory may be changed only after the stream has been waited for.
  ImageView upload(const ImageView& picture, cudaStream_t stream);

  // Memory on the GPU for a picture like this one, rows packed; until the next call.
  MutableImageView room_for(const MutableImageView& picture);

  // Brings what room_for() gave back. Returns when it is there.
  void download(const MutableImageView& picture, cudaStream_t stream);

 private:
  static constexpr int kBands = 8;

  // A picture's bytes on the GPU and in pinned memory.
  struct Side {
    at::Tensor on_gpu;
    at::Tensor pinned;
    MutableImageView view;  // on the GPU
  };

  void lay_out(Side& side, MutableImageView like) const;
  std::uint8_t* pinned_plane(Side& side, int plane) const;

  at::Device device_;
  Side input_;
  Side output_;
  std::array<CudaEvent, kBands> arrived_;
};

}  // namespace adainstyle
