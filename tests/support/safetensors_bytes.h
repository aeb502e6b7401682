// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace adainstyle::test {

using Bytes = std::vector<std::uint8_t>;

// A container written by hand, so that it can be wrong: `length` bytes of header are claimed, whatever is there.
inline Bytes container_claiming(std::uint64_t length, const std::string& header, const Bytes& data) {
  Bytes bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

inline Bytes container(const std::string& header, const Bytes& data) { return container_claiming(header.size(), header, data); }

inline Bytes float_bytes(const std::vector<float>& values) {
  Bytes bytes;
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
  }
  return bytes;
}

}  // namespace adainstyle::test
