// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/image.h"

// Forward declaration of the CUDA runtime's stream type, so that this header needs no toolkit.
using adainstyle_cuda_stream = struct CUstream_st*;

namespace adainstyle {

enum class CudaNumber { kFp32, kFp16, kBf16 };

// The GPU's counterparts of read_row_* and write_row (pixels.h) for whole pictures, asynchronous on `stream`. Views point to device
// memory. `features`: device memory, [height, width, channels] (Note [Pixel blocks]), channels = 3 * block^2.
// Each returns nullptr, or the CUDA runtime's text for what failed.
const char* cuda_read_picture(const ImageView& picture, int block, int height, int width, CudaNumber number, void* features,
                              adainstyle_cuda_stream stream);
const char* cuda_write_picture(const void* features, CudaNumber number, int block, int width, const ImageView& source,
                               const MutableImageView& picture, adainstyle_cuda_stream stream);

}  // namespace adainstyle
