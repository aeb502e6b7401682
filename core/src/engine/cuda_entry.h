// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/error.h"
#include "engine/device_queue.h"

// The one symbol of libadainstyle-cuda, which links CUDA's runtime and LibTorch's CUDA half and is loaded only when a GPU is used.
constexpr char kCudaQueueSymbol[] = "adainstyle_make_cuda_queue";

// A queue on a GPU for features of a type; the caller owns it. Throws adainstyle::Error and what LibTorch throws.
extern "C" adainstyle::DeviceQueue* adainstyle_make_cuda_queue(int device_index, c10::ScalarType type);
