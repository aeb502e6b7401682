// SPDX-License-Identifier: MIT
#pragma once

#include "adainstyle/error.h"
#include "engine/picture_transfer.h"

// The one symbol of libadainstyle-cuda, which links CUDA's runtime and LibTorch's CUDA half and is loaded only when a GPU is used.
constexpr char kCudaTransferSymbol[] = "adainstyle_make_cuda_transfer";

// The caller owns the result. Throws adainstyle::Error.
extern "C" adainstyle::PictureTransfer* adainstyle_make_cuda_transfer(int device_index);
