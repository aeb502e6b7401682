// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adainstyle {

// 8-bit formats. Packed ones are named by the byte order in memory, x being a byte without meaning. kI420 and kNV12 have a plane of
// luma and chroma at half the width and height, rounded up: planes of U and of V, or one plane in which they alternate. kRGBP has a
// plane of red, one of green and one of blue.
enum class PixelFormat { kRGB, kBGR, kRGBA, kBGRA, kARGB, kABGR, kRGBx, kBGRx, kxRGB, kxBGR, kI420, kNV12, kRGBP };

constexpr bool is_yuv(PixelFormat format) { return format == PixelFormat::kI420 || format == PixelFormat::kNV12; }

// Whether all of a pixel lies in one plane.
constexpr bool is_packed(PixelFormat format) { return !is_yuv(format) && format != PixelFormat::kRGBP; }

enum class YuvMatrix { kBt601, kBt709, kBt2020, kFcc, kSmpte240m };

// How a YUV picture encodes red, green and blue.
struct YuvEncoding {
  YuvMatrix matrix = YuvMatrix::kBt601;
  bool full_range = false;  // all of 0..255; else luma 16..235 and chroma 16..240
  bool cosited = false;     // chroma lies on the even columns (MPEG-2), else between two columns (JPEG); always between two lines
};

enum class DeviceType { kCpu, kCuda };

// Where a picture's bytes lie.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;

  // Of a picture on a GPU: the CUDA stream on which it is written and read, in whose order the stylizer works then without waiting.
  // nullptr: an input is finished, and an output is when the stylizer returns.
  void* queue = nullptr;
};

constexpr int kMaxPlanes = 4;

// A borrowed picture: rows of `width` pixels that lie `strides[0]` bytes apart. Never owns its memory and never copies it.
// Packed formats use planes[0] only, kNV12 [0] and [1], kI420 and kRGBP [0] to [2].
template <typename Byte>
struct BasicImageView {
  PixelFormat format = PixelFormat::kRGB;
  int width = 0;   // pixels
  int height = 0;  // pixels
  Byte* planes[kMaxPlanes] = {};
  std::ptrdiff_t strides[kMaxPlanes] = {};  // bytes from one row to the next
  Device device;
  YuvEncoding yuv;  // of YUV formats
};

using ImageView = BasicImageView<const std::uint8_t>;
using MutableImageView = BasicImageView<std::uint8_t>;

// Where each colour lies inside one pixel of an RGB format.
struct PixelLayout {
  int bytes;             // from one pixel to the next: 3 or 4, or 1 where each colour has a plane
  int red, green, blue;  // byte offsets
  int alpha;             // byte offset of alpha or of the padding byte; -1 where there is none
  bool has_alpha;        // whether that byte means alpha (copied through) or padding
  bool planar = false;   // whether red, green and blue lie in planes 0, 1 and 2
};

// Of an RGB format.
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
    case PixelFormat::kRGBP: return {1, 0, 0, 0, -1, false, true};
    case PixelFormat::kI420:
    case PixelFormat::kNV12: break;
  }
  return {3, 0, 1, 2, -1, false};
}

// How many bytes a row of a plane has, and how many rows; no bytes where the format has no such plane.
struct PlaneSize {
  std::ptrdiff_t row_bytes = 0;
  int rows = 0;
};

constexpr int plane_count(PixelFormat format) { return is_packed(format) ? 1 : format == PixelFormat::kNV12 ? 2 : 3; }

constexpr PlaneSize plane_size(PixelFormat format, int width, int height, int plane) {
  if (plane >= plane_count(format)) return {};
  if (!is_yuv(format)) return {static_cast<std::ptrdiff_t>(width) * pixel_layout(format).bytes, height};
  if (plane == 0) return {width, height};
  return {static_cast<std::ptrdiff_t>((width + 1) / 2) * (format == PixelFormat::kNV12 ? 2 : 1), (height + 1) / 2};
}

}  // namespace adainstyle
