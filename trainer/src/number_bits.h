// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstring>

#include "pixels/yuv.h"

namespace adainstyle {

// Values as they lie in memory: bfloat16 by its bits, so that the conversions below vectorise.
using Half = std::uint16_t;

ADAINSTYLE_HOST_DEVICE inline float load(float value) { return value; }
ADAINSTYLE_HOST_DEVICE inline float load(Half bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}
ADAINSTYLE_HOST_DEVICE inline void store(float* to, float value) { *to = value; }
ADAINSTYLE_HOST_DEVICE inline void store(Half* to, float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  *to = static_cast<Half>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);  // round to nearest even
}

}  // namespace adainstyle
