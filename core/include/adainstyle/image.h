// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adainstyle {

// Packed 8-bit formats; the name gives the byte order in memory. x marks a byte without meaning.
enum class PixelFormat { kRGB, kBGR, kRGBA, kBGRA, kARGB, kABGR, kRGBx, kBGRx, kxRGB, kxBGR };

enum class DeviceType { kCpu, kCuda };

// Where a picture's bytes lie.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;
};

constexpr int kMaxPlanes = 4;

// A borrowed picture: rows of `width` pixels that lie `strides[0]` bytes apart. Never owns its memory and never copies it.
// Packed formats use planes[0] only.
template <typename Byte>
struct BasicImageView {
  PixelFormat format = PixelFormat::kRGB;
  int width = 0;   // pixels
  int height = 0;  // pixels
  Byte* planes[kMaxPlanes] = {};
  std::ptrdiff_t strides[kMaxPlanes] = {};  // bytes from one row to the next
  Device device;
};

using ImageView = BasicImageView<const std::uint8_t>;
using MutableImageView = BasicImageView<std::uint8_t>;

// Where each colour lies inside one pixel of a packed format.
struct PixelLayout {
  int bytes;             // per pixel: 3 or 4
  int red, green, blue;  // byte offsets
  int alpha;             // byte offset of alpha or of the padding byte; -1 where there is none
  bool has_alpha;        // whether that byte means alpha (copied through) or padding
};

constexpr PixelLayout pixel_layout(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRGB: return {3, 0, 1, 2, -1, false};
    case PixelFormat::kBGR: return {3, 2, 1, 0, -1, false};
    case PixelFormat::kRGBA: return {4, 0, 1, 2, 3, true};
    case PixelFormat::kBGRA: return {4, 2, 1, 0, 3, true};
    case PixelFormat::kARGB: return {4, 1, 2, 3, 0, true};
    case PixelFormat::kABGR: return {4, 3, 2, 1, 0, true};
    case PixelFormat::kRGBx: return {4, 0, 1, 2, 3, false};
    case PixelFormat::kBGRx: return {4, 2, 1, 0, 3, false};
    case PixelFormat::kxRGB: return {4, 1, 2, 3, 0, false};
    case PixelFormat::kxBGR: return {4, 3, 2, 1, 0, false};
  }
  return {3, 0, 1, 2, -1, false};
}

}  // namespace adainstyle
