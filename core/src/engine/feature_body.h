// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "engine/feature_jobs.h"
#include "pixels/pixel_body.h"

namespace adainstyle {

// A group of channels of one pixel.
struct Pack {
  float v[kGroup];
};

template <typename Number>
struct alignas(kGroup * sizeof(Number) > 16 ? 16 : kGroup * sizeof(Number)) StoredPack {
  Number v[kGroup];
};

// Where pixel (x, y) begins; -1 and width lie in the border.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Number* pixel_of(const FeatureMap& map, int x, int y) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(y + map.border) * (map.width + 2 * map.border);
  return static_cast<Number*>(map.data) + (row + x + map.border) * map.channels;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack load_pack(const FeatureMap& map, int x, int y, int group) {
  const auto stored = *reinterpret_cast<const StoredPack<Number>*>(pixel_of<Number>(map, x, y) + group * kGroup);
  Pack pack;
  for (int i = 0; i < kGroup; ++i) pack.v[i] = static_cast<float>(stored.v[i]);
  return pack;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline StoredPack<Number> rounded(const Pack& pack) {
  StoredPack<Number> stored;
  for (int i = 0; i < kGroup; ++i) stored.v[i] = static_cast<Number>(pack.v[i]);
  return stored;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline void store_pack(const FeatureMap& map, int x, int y, int group, const StoredPack<Number>& pack) {
  *reinterpret_cast<StoredPack<Number>*>(pixel_of<Number>(map, x, y) + group * kGroup) = pack;
}

// One channel, zero for those that the map does not have.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline float channel_of(const FeatureMap& map, int x, int y, int channel) {
  return channel < map.channels ? static_cast<float>(pixel_of<Number>(map, x, y)[channel]) : 0.0f;
}

// The pixel whose value pixel i of n has, i from -1 to n.
ADAINSTYLE_HOST_DEVICE inline int inner_index(int i, int n, Border border) {
  if (i >= 0 && i < n) return i;
  return border == Border::kReflected ? reflect_index(i, n) : i < 0 ? 0 : n - 1;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack largest_of_four(const FeatureMap& map, int x, int y, int group) {
  Pack result = load_pack<Number>(map, 2 * x, 2 * y, group);
  for (int i = 1; i < 4; ++i) {
    const Pack other = load_pack<Number>(map, 2 * x + i % 2, 2 * y + i / 2, group);
    for (int c = 0; c < kGroup; ++c) result.v[c] = result.v[c] < other.v[c] ? other.v[c] : result.v[c];
  }
  return result;
}

// kUnshuffle: channel c * 4 + dy * 2 + dx is pixel (dx, dy) of channel c; kShuffle is the inverse.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack shuffled(const FeatureJob& job, int x, int y, int group) {
  Pack pack;
  for (int i = 0; i < kGroup; ++i) {
    const int c = group * kGroup + i;
    pack.v[i] = job.kind == FeatureJob::Kind::kUnshuffle ? channel_of<Number>(job.input, 2 * x + c % 2, 2 * y + c / 2 % 2, c / 4)
                                                         : channel_of<Number>(job.input, x / 2, y / 2, c * 4 + y % 2 * 2 + x % 2);
  }
  return pack;
}

// What a convolution left to the pass behind it.
ADAINSTYLE_HOST_DEVICE inline void add_bias(const FeatureJob& job, int group, Pack& pack) {
  for (int i = 0; i < kGroup; ++i) pack.v[i] += job.bias[group * kGroup + i];
}

ADAINSTYLE_HOST_DEVICE inline void apply_relu(const FeatureJob& job, Pack& pack) {
  for (int i = 0; job.relu && i < kGroup; ++i) pack.v[i] = pack.v[i] > 0.0f ? pack.v[i] : 0.0f;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack interleaved(const FeatureJob& job, int x, int y, int group) {
  const int phase = y % 2 * 2 + x % 2;
  const int from = phase * (job.output.channels / kGroup) + group;
  Pack pack = load_pack<Number>(job.input, x / 2 + x % 2, y / 2 + y % 2, from);
  add_bias(job, from, pack);
  apply_relu(job, pack);
  return pack;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack added(const FeatureJob& job, int x, int y, int group) {
  Pack pack = load_pack<Number>(job.input, x, y, group);
  add_bias(job, group, pack);
  if (job.skip.data != nullptr) {
    const Pack skip = load_pack<Number>(job.skip, x, y, group);
    for (int i = 0; i < kGroup; ++i) pack.v[i] += skip.v[i];
  }
  apply_relu(job, pack);
  return pack;
}

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack restyled(const FeatureJob& job, int x, int y, int group) {
  Pack pack = load_pack<Number>(job.input, x, y, group);
  const bool blends = job.affine[1] != nullptr;
  const float share = blends ? job.plane.inside[static_cast<std::ptrdiff_t>(y) * job.plane.pitch + x] : 1.0f;
  for (int i = 0; i < kGroup; ++i) {
    const int at = group * kGroup + i;
    float scale = job.affine[0][at];
    float shift = job.affine[0][job.input.channels + at];
    if (blends) {
      scale = job.affine[1][at] + share * (scale - job.affine[1][at]);
      shift = job.affine[1][job.input.channels + at] + share * (shift - job.affine[1][job.input.channels + at]);
    }
    pack.v[i] = pack.v[i] * scale + shift;
  }
  return pack;
}

// What pixel (x, y), no border, of a job's output is.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack made_pixel(const FeatureJob& job, int x, int y, int group) {
  switch (job.kind) {
    case FeatureJob::Kind::kMaxPool: return largest_of_four<Number>(job.input, x, y, group);
    case FeatureJob::Kind::kUpsample: return load_pack<Number>(job.input, x / 2, y / 2, group);
    case FeatureJob::Kind::kInterleave: return interleaved<Number>(job, x, y, group);
    case FeatureJob::Kind::kUnshuffle:
    case FeatureJob::Kind::kShuffle: return shuffled<Number>(job, x, y, group);
    case FeatureJob::Kind::kAdd: return added<Number>(job, x, y, group);
    case FeatureJob::Kind::kAdaIN: return restyled<Number>(job, x, y, group);
    case FeatureJob::Kind::kKeep:
    case FeatureJob::Kind::kBorder: break;
  }
  return load_pack<Number>(job.input, x, y, group);
}

// Note [Measuring]
// Statistics are sums of x - k and (x - k)^2 over the pixels, k being the channel's value at pixel (0, 0): close enough to the mean
// that the difference of squares loses nothing in float32, and exactly zero on a one-coloured frame. What is measured is what is
// stored, rounded as it is. Each part of the pixels leaves its sums in `partials`: k [channels], then [regions][parts][2][channels];
// they are added up in double precision (adain_body.h).
struct PackSums {
  float sum[2][kGroup] = {};  // by region
  float squares[2][kGroup] = {};
};

template <typename Number>
ADAINSTYLE_HOST_DEVICE inline void add_to_sums(const FeatureJob& job, const Pack& origin, const StoredPack<Number>& stored, int x,
                                               int y, PackSums& sums) {
  const float inside = job.plane.inside == nullptr ? 1.0f : job.plane.inside[static_cast<std::ptrdiff_t>(y) * job.plane.pitch + x];
  for (int i = 0; i < kGroup; ++i) {
    const float value = static_cast<float>(stored.v[i]) - origin.v[i];
    sums.sum[0][i] += inside * value;
    sums.squares[0][i] += inside * value * value;
    if (job.regions == 1) continue;
    sums.sum[1][i] += (1.0f - inside) * value;
    sums.squares[1][i] += (1.0f - inside) * value * value;
  }
}

// What is stored at pixel (0, 0).
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline Pack origin_of(const FeatureJob& job, int group) {
  const StoredPack<Number> stored = rounded<Number>(made_pixel<Number>(job, 0, 0, group));
  Pack pack;
  for (int i = 0; i < kGroup; ++i) pack.v[i] = static_cast<float>(stored.v[i]);
  return pack;
}

// Which channels a job goes through, and over which pixels.
ADAINSTYLE_HOST_DEVICE inline const FeatureMap& domain_of(const FeatureJob& job) {
  return job.output.data == nullptr ? job.input : job.output;
}

// Makes and stores pixel (x, y), border included, and measures it where it is none.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline void run_pixel(const FeatureJob& job, const Pack& origin, int x, int y, int group, PackSums& sums) {
  const FeatureMap& domain = domain_of(job);
  const int from_x = inner_index(x, domain.width, job.border);
  const int from_y = inner_index(y, domain.height, job.border);
  const StoredPack<Number> stored = rounded<Number>(made_pixel<Number>(job, from_x, from_y, group));
  if (job.output.data != nullptr) store_pack<Number>(job.output, x, y, group, stored);
  if (job.partials != nullptr && from_x == x && from_y == y) add_to_sums<Number>(job, origin, stored, x, y, sums);
}

// Pixel i of a border, from the upper left corner on: the rows above and below, then the columns.
struct BorderPixel {
  int x, y;
};
ADAINSTYLE_HOST_DEVICE inline int border_pixels(const FeatureMap& map) { return 2 * (map.width + 2) + 2 * map.height; }
ADAINSTYLE_HOST_DEVICE inline BorderPixel border_pixel(const FeatureMap& map, int i) {
  const int across = map.width + 2;
  if (i < 2 * across) return {i % across - 1, i < across ? -1 : map.height};
  i -= 2 * across;
  return {i % 2 == 0 ? -1 : map.width, i / 2};
}

// Reads one feature pixel of a picture, integers 0..255 (Note [Pixel blocks] in pixels.h); beyond the picture, and in the border,
// lies the reflection.
template <typename Number>
ADAINSTYLE_HOST_DEVICE inline void read_pixel(const PixelReader& color_at, int picture_width, int picture_height, int block,
                                              const FeatureMap& features, Border border, int x, int y) {
  const int from_x = inner_index(x, features.width, border) * block;
  const int from_y = inner_index(y, features.height, border) * block;
  Pack packs[2] = {};  // 3 * block^2 channels: at most 12
  const int area = block * block;
  for (int i = 0; i < area; ++i) {
    const Rgb color = color_at(reflect_index(from_x + i % block, picture_width), reflect_index(from_y + i / block, picture_height));
    packs[i / kGroup].v[i % kGroup] = static_cast<float>(color.red);
    packs[(area + i) / kGroup].v[(area + i) % kGroup] = static_cast<float>(color.green);
    packs[(2 * area + i) / kGroup].v[(2 * area + i) % kGroup] = static_cast<float>(color.blue);
  }
  for (int group = 0; group < features.channels / kGroup; ++group) {
    store_pack<Number>(features, x, y, group, rounded<Number>(packs[group]));
  }
}

// The colour of picture pixel (x, y), from features without their bias.
template <typename Number>
struct FeatureColor {
  FeatureMap features;
  const float* bias;  // [channels]; nullptr: none
  int block;

  ADAINSTYLE_HOST_DEVICE float value(int color, int x, int y) const {
    const int channel = color * block * block + y % block * block + x % block;
    const auto feature = static_cast<float>(pixel_of<Number>(features, x / block, y / block)[channel]);
    return bias == nullptr ? feature : feature + bias[channel];
  }
  ADAINSTYLE_HOST_DEVICE Rgb operator()(int x, int y) const {
    return {to_byte(value(0, x, y)), to_byte(value(1, x, y)), to_byte(value(2, x, y))};
  }
};

}  // namespace adainstyle
