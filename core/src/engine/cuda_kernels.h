// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/image.h"
#include "engine/feature_jobs.h"

// Forward declaration of the CUDA runtime's stream type, so that this header needs no toolkit.
using adainstyle_cuda_stream = struct CUstream_st*;

namespace adainstyle {

// The jobs of feature_jobs.h on a GPU, features in `format`, asynchronous on `stream`. Pictures lie in the GPU's memory.
// Each returns nullptr, or the CUDA runtime's text for what failed.
const char* cuda_run(const FeatureJob& job, NumberFormat format, adainstyle_cuda_stream stream);
const char* cuda_run(const PointJob& job, adainstyle_cuda_stream stream);
const char* cuda_run(const CorrectionJob& job, adainstyle_cuda_stream stream);

// As DeviceQueue::read_picture() and write_picture().
const char* cuda_read_picture(const ImageView& picture, int block, const FeatureMap& features, Border border, NumberFormat format,
                              adainstyle_cuda_stream stream);
const char* cuda_write_picture(const FeatureMap& features, const float* bias, int block, NumberFormat format,
                               const ImageView& source, const MutableImageView& picture, adainstyle_cuda_stream stream);

}  // namespace adainstyle
