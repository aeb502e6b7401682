// SPDX-License-Identifier: MIT
#include "image_container.h"

#include <cstddef>
#include <string_view>

namespace adainstyle {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kRiffHeaderBytes = 8;

bool has_text_at(const Bytes& bytes, std::size_t position, std::string_view text) {
  if (bytes.size() < text.size() || position > bytes.size() - text.size()) return false;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()) + position, text.size()) == text;
}

// ISO/IEC 10918-1, B.1: segments led by 0xFF and a marker. Between them lie fill bytes and, after a start of scan, coded data, in
// which 0xFF is followed by 0 or a restart marker.
bool jpeg_is_cut_off(const Bytes& bytes) {
  constexpr std::uint8_t kEndOfImage = 0xD9;
  std::size_t position = 2;
  while (position + 1 < bytes.size()) {
    const std::uint8_t marker = bytes[position + 1];
    if (bytes[position] != 0xFF || marker == 0xFF) {
      ++position;
      continue;
    }
    if (marker == kEndOfImage) return false;
    const bool stands_alone = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    position += 2;
    if (stands_alone) continue;
    if (position + 1 >= bytes.size()) return true;
    position += static_cast<std::size_t>(bytes[position]) << 8 | bytes[position + 1];
  }
  return true;
}

// Chunks of a 4-byte length, a 4-byte type, the content and a 4-byte checksum; the last is IEND.
bool png_is_cut_off(const Bytes& bytes) {
  constexpr std::size_t kSignatureBytes = 8;
  constexpr std::size_t kFrameBytes = 12;
  std::size_t position = kSignatureBytes;
  while (position <= bytes.size() && bytes.size() - position >= kFrameBytes) {
    if (has_text_at(bytes, position + 4, "IEND")) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | bytes[position + i];
    position += kFrameBytes + length;
  }
  return true;
}

bool webp_is_cut_off(const Bytes& bytes) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length |= static_cast<std::size_t>(bytes[4 + i]) << (8 * i);
  return bytes.size() - kRiffHeaderBytes < length;
}

}  // namespace

bool is_cut_off(const Bytes& bytes) {
  if (has_text_at(bytes, 0, "\xFF\xD8\xFF")) return jpeg_is_cut_off(bytes);
  if (has_text_at(bytes, 0, "\x89PNG\r\n\x1A\n")) return png_is_cut_off(bytes);
  if (has_text_at(bytes, 0, "RIFF") && has_text_at(bytes, kRiffHeaderBytes, "WEBP")) return webp_is_cut_off(bytes);
  return false;
}

}  // namespace adainstyle
