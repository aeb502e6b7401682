// SPDX-License-Identifier: MIT
#include "pixels/yuv_rows.h"

#include <vector>

#include "pixels/yuv.h"

namespace adainstyle {
namespace {

// A buffer of the thread that only grows.
template <typename Value>
Value* grown(std::vector<Value>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
  return buffer.data();
}

// Quarters of chroma between two lines, one sample more at each end.
void blend_chroma(const std::uint8_t* plane, std::ptrdiff_t stride, int step, int width, const ChromaPair& rows,
                  std::int16_t* blended) {
  const std::uint8_t* first = plane + rows.first * stride;
  const std::uint8_t* second = plane + rows.second * stride;
  const int share = rows.share;
  if (step == 1) {
    for (int x = 0; x < width; ++x) blended[x + 1] = static_cast<std::int16_t>(share * first[x] + (4 - share) * second[x]);
  } else {
    for (int x = 0; x < width; ++x) {
      blended[x + 1] = static_cast<std::int16_t>(share * first[2 * x] + (4 - share) * second[2 * x]);
    }
  }
  blended[0] = blended[1];
  blended[width + 1] = blended[width];
}

// Sixteenths of chroma for pairs of pixels.
void spread_chroma(const std::int16_t* blended, int width, bool cosited, std::int16_t* spread) {
  if (cosited) {
    for (int x = 0; x < width; ++x) {
      spread[2 * x] = static_cast<std::int16_t>(4 * blended[x + 1]);
      spread[2 * x + 1] = static_cast<std::int16_t>(2 * (blended[x + 1] + blended[x + 2]));
    }
  } else {
    for (int x = 0; x < width; ++x) {
      spread[2 * x] = static_cast<std::int16_t>(blended[x] + 3 * blended[x + 1]);
      spread[2 * x + 1] = static_cast<std::int16_t>(3 * blended[x + 1] + blended[x + 2]);
    }
  }
}

// Twice the sum of two pixels above each other and two beside each other, or the 1, 2, 1 of three: eighths. `sums` has one pixel more
// at each end.
void gather_chroma(const std::uint8_t* top, const std::uint8_t* bottom, int width, bool cosited, std::int16_t* sums,
                   std::int16_t* gathered) {
  for (int x = 0; x < width; ++x) sums[x + 1] = static_cast<std::int16_t>(top[x] + bottom[x]);
  sums[0] = sums[1];
  sums[width + 1] = sums[width];
  const int samples = (width + 1) / 2;
  if (cosited) {
    for (int x = 0; x < samples; ++x) {
      gathered[x] = static_cast<std::int16_t>(sums[2 * x] + 2 * sums[2 * x + 1] + sums[2 * x + 2]);
    }
  } else {
    for (int x = 0; x < samples; ++x) gathered[x] = static_cast<std::int16_t>(2 * (sums[2 * x + 1] + sums[2 * x + 2]));
  }
}

}  // namespace

ColorLine<const std::uint8_t> decode_yuv_line(const ImageView& picture, int y) {
  thread_local std::vector<std::int16_t> chroma_buffer;
  thread_local std::vector<std::uint8_t> color_buffer;
  const ChromaPlanes<const std::uint8_t> chroma = chroma_planes(picture);
  const std::size_t pairs = static_cast<std::size_t>(chroma.width) + 1;
  std::int16_t* u = grown(chroma_buffer, 6 * pairs);  // two lines of pixels and one of samples
  std::int16_t* v = u + 2 * pairs;
  std::int16_t* blended = v + 2 * pairs;
  const ChromaPair rows = chroma_pair(y, chroma.height, false);
  blend_chroma(chroma.u, chroma.u_stride, chroma.step, chroma.width, rows, blended);
  spread_chroma(blended, chroma.width, picture.yuv.cosited, u);
  blend_chroma(chroma.v, chroma.v_stride, chroma.step, chroma.width, rows, blended);
  spread_chroma(blended, chroma.width, picture.yuv.cosited, v);

  const std::size_t width = picture.width;
  std::uint8_t* __restrict red = grown(color_buffer, 3 * width);
  std::uint8_t* __restrict green = red + width;
  std::uint8_t* __restrict blue = green + width;
  const std::uint8_t* luma = picture.planes[0] + y * picture.strides[0];
  const YuvDecoder decoder = yuv_decoder(picture.yuv);
  for (std::size_t x = 0; x < width; ++x) {
    const Rgb color = decode_yuv(decoder, luma[x], u[x], v[x]);
    red[x] = color.red;
    green[x] = color.green;
    blue[x] = color.blue;
  }
  return {red, green, blue, 1};
}

void encode_yuv_lines(const ColorLine<const std::uint8_t> (&lines)[2], int y, const MutableImageView& picture) {
  thread_local std::vector<std::int16_t> buffer;
  const YuvEncoder encoder = yuv_encoder(picture.yuv);
  const ChromaPlanes<std::uint8_t> chroma = chroma_planes(picture);
  const int height = 2 * y + 1 < picture.height ? 2 : 1;
  for (int line = 0; line < height; ++line) {
    const ColorLine<const std::uint8_t>& colors = lines[line];
    std::uint8_t* __restrict luma = picture.planes[0] + (2 * y + line) * picture.strides[0];
    for (int x = 0; x < picture.width; ++x) luma[x] = encode_luma(encoder, colors.red[x], colors.green[x], colors.blue[x]);
  }
  const ColorLine<const std::uint8_t>& top = lines[0];
  const ColorLine<const std::uint8_t>& bottom = lines[height - 1];
  const std::size_t samples = chroma.width;
  std::int16_t* red = grown(buffer, 3 * samples + picture.width + 2);
  std::int16_t* green = red + samples;
  std::int16_t* blue = green + samples;
  std::int16_t* sums = blue + samples;
  gather_chroma(top.red, bottom.red, picture.width, picture.yuv.cosited, sums, red);
  gather_chroma(top.green, bottom.green, picture.width, picture.yuv.cosited, sums, green);
  gather_chroma(top.blue, bottom.blue, picture.width, picture.yuv.cosited, sums, blue);
  std::uint8_t* u = chroma.u + y * chroma.u_stride;
  std::uint8_t* v = chroma.v + y * chroma.v_stride;
  for (int x = 0; x < chroma.width; ++x) {
    u[static_cast<std::ptrdiff_t>(x) * chroma.step] = encode_u(encoder, red[x], green[x], blue[x]);
    v[static_cast<std::ptrdiff_t>(x) * chroma.step] = encode_v(encoder, red[x], green[x], blue[x]);
  }
}

}  // namespace adainstyle
