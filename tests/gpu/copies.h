// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace adainstyle::test {

// Bytes that went between system memory and GPUs through the CUDA runtime since the program started. The program takes the place of
// the runtime's copying functions (copies.cpp), which LibTorch and libadainstyle-cuda call.
std::uint64_t copied_bytes();

}  // namespace adainstyle::test
