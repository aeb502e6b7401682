// SPDX-License-Identifier: MIT
#include "engine/avx512_kernels.h"

#include <immintrin.h>

#include <cstring>

namespace adainstyle::avx512 {
namespace {

__m512bh load_pairs(const Bf16* p) { return reinterpret_cast<__m512bh>(_mm512_loadu_si512(p)); }

__m512 to_float(__m256i bf16) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16), 16)); }

__m512 load_bf16(const Bf16* p) { return to_float(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }

__m256i to_bf16(__m512 v) { return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(v)); }

// One pixel's pair of input channels in all lanes.
__m512bh broadcast_pair(const Bf16* p) {
  std::int32_t pair;
  std::memcpy(&pair, p, sizeof pair);
  return reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
}

// Note [Register tile]
// `Pixels` output pixels times `Blocks` vectors of output channels stay in registers over the whole sum; each step loads Blocks
// weight vectors and broadcasts Pixels input pairs for Pixels * Blocks VDPBF16PS. 24 accumulators leave room for the operands in 32
// registers and cover the instruction's latency.
template <int Pixels, int Blocks>
using Accumulators = __m512[Pixels][Blocks];

template <int Pixels, int Blocks>
[[gnu::always_inline]] inline void accumulate(const ConvRow& row, int first, Accumulators<Pixels, Blocks>& acc) {
#pragma GCC unroll 24
  for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
    for (int b = 0; b < Blocks; ++b) acc[p][b] = _mm512_loadu_ps(row.bias + b * kLanes);
  }
  const Bf16* weights = row.weights;
  for (int tap = 0; tap < row.tap_count; ++tap) {
    const Bf16* input = row.taps[tap] + first * row.input_step;
    for (int pair = 0; pair < row.channel_pairs; ++pair, input += 2, weights += Blocks * 2 * kLanes) {
      __m512bh w[Blocks];
#pragma GCC unroll 4
      for (int b = 0; b < Blocks; ++b) w[b] = load_pairs(weights + b * 2 * kLanes);
#pragma GCC unroll 24
      for (int p = 0; p < Pixels; ++p) {
        const __m512bh x = broadcast_pair(input + p * row.input_step);
#pragma GCC unroll 4
        for (int b = 0; b < Blocks; ++b) acc[p][b] = _mm512_dpbf16_ps(acc[p][b], w[b], x);
      }
    }
  }
}

__m512 add_skip(const ConvRow& row, int pixel, int block, __m512 value) {
  const __m512 skip = load_bf16(row.skip + pixel * row.skip_step + block * kLanes);
  if (!row.skip_scale) return _mm512_add_ps(value, skip);
  const __m512 scale = _mm512_loadu_ps(row.skip_scale + block * kLanes);
  const __m512 shift = _mm512_loadu_ps(row.skip_shift + block * kLanes);
  return _mm512_add_ps(value, _mm512_fmadd_ps(skip, scale, shift));
}

template <int Pixels, int Blocks>
[[gnu::noinline]] void tile(const ConvRow& row, int first, Bf16* output, std::ptrdiff_t output_step) {
  Accumulators<Pixels, Blocks> acc;
  accumulate<Pixels, Blocks>(row, first, acc);
#pragma GCC unroll 24
  for (int p = 0; p < Pixels; ++p) {
#pragma GCC unroll 4
    for (int b = 0; b < Blocks; ++b) {
      __m512 v = acc[p][b];
      if (row.skip) v = add_skip(row, first + p, b, v);
      if (row.relu) v = _mm512_max_ps(v, _mm512_setzero_ps());
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + (first + p) * output_step + b * kLanes), to_bf16(v));
    }
  }
}

template <int Pixels>
[[gnu::noinline]] void float_tile(const ConvRow& row, int first, float* output) {
  Accumulators<Pixels, 1> acc;
  accumulate<Pixels, 1>(row, first, acc);
#pragma GCC unroll 24
  for (int p = 0; p < Pixels; ++p) {
    const __m512 v = row.relu ? _mm512_max_ps(acc[p][0], _mm512_setzero_ps()) : acc[p][0];
    _mm512_storeu_ps(output + p * kLanes, v);
  }
}

// A row in tiles: as many of the largest as fit, then smaller ones.
template <int Blocks, int Pixels, int... Smaller>
void tiles(const ConvRow& row, int first, Bf16* output, std::ptrdiff_t output_step) {
  for (; first + Pixels <= row.pixels; first += Pixels) tile<Pixels, Blocks>(row, first, output, output_step);
  if constexpr (sizeof...(Smaller) > 0) tiles<Blocks, Smaller...>(row, first, output, output_step);
}

// Multiplies 16 outputs x 1 pair, adds up what fold_adain needs for the bias and returns the rounded products.
__m512i fold_pair(const float* original, __m512 scale, __m512 shifted, __m512 mean, __m512& low, __m512& high) {
  const __m512 w_low = _mm512_loadu_ps(original);
  const __m512 w_high = _mm512_loadu_ps(original + kLanes);
  // cvtne2 puts its second operand in the lower half.
  const __m512i folded = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_mul_ps(w_high, scale), _mm512_mul_ps(w_low, scale)));
  const __m512 r_low = to_float(_mm512_castsi512_si256(folded));
  const __m512 r_high = to_float(_mm512_extracti64x4_epi64(folded, 1));
  low = _mm512_fnmadd_ps(r_low, mean, _mm512_fmadd_ps(w_low, shifted, low));
  high = _mm512_fnmadd_ps(r_high, mean, _mm512_fmadd_ps(w_high, shifted, high));
  return folded;
}

void add_lanes(__m512 values, double* sums) {
  alignas(64) float lanes[kLanes];
  _mm512_store_ps(lanes, values);
  for (int i = 0; i < kLanes; ++i) sums[i] += lanes[i];
}

// A pair of per-channel values repeated over the vector, as the packed weights alternate.
__m512 alternate(float even, float odd) { return _mm512_mask_blend_ps(0xaaaa, _mm512_set1_ps(even), _mm512_set1_ps(odd)); }

}  // namespace

void conv_row(const ConvRow& row, Bf16* output, std::ptrdiff_t output_step) {
  switch (row.blocks) {
    case 1: return tiles<1, 24, 16, 8, 4, 2, 1>(row, 0, output, output_step);
    case 2: return tiles<2, 12, 8, 4, 2, 1>(row, 0, output, output_step);
    case 3: return tiles<3, 8, 4, 2, 1>(row, 0, output, output_step);
    default: return tiles<4, 6, 4, 2, 1>(row, 0, output, output_step);
  }
}

int conv_tile_float(const ConvRow& row, int first, float* output) {
  const int left = row.pixels - first;
  if (left >= 24) return float_tile<24>(row, first, output), 24;
  if (left >= 16) return float_tile<16>(row, first, output), 16;
  if (left >= 8) return float_tile<8>(row, first, output), 8;
  if (left >= 4) return float_tile<4>(row, first, output), 4;
  return float_tile<1>(row, first, output), 1;
}

void add_row_statistics(const Bf16* row, int pixels, std::ptrdiff_t step, int channels, double* sum, double* sum_of_squares) {
  for (int c = 0; c < channels; c += kLanes) {
    __m512 s = _mm512_setzero_ps();
    __m512 q = _mm512_setzero_ps();
    for (int p = 0; p < pixels; ++p) {
      const __m512 v = load_bf16(row + p * step + c);
      s = _mm512_add_ps(s, v);
      q = _mm512_fmadd_ps(v, v, q);
    }
    add_lanes(s, sum + c);
    add_lanes(q, sum_of_squares + c);
  }
}

void add_row_statistics_by_region(const Bf16* row, const float* inside, int pixels, int channels, double* sums,
                                  std::ptrdiff_t step) {
  const __m512 one = _mm512_set1_ps(1.0f);
  for (int c = 0; c < channels; c += kLanes) {
    __m512 acc[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    for (int p = 0; p < pixels; ++p) {
      const __m512 v = load_bf16(row + static_cast<std::ptrdiff_t>(p) * channels + c);
      const __m512 share = _mm512_set1_ps(inside[p]);
      const __m512 in = _mm512_mul_ps(v, share);
      const __m512 out = _mm512_mul_ps(v, _mm512_sub_ps(one, share));
      acc[0] = _mm512_add_ps(acc[0], in);
      acc[1] = _mm512_fmadd_ps(in, v, acc[1]);
      acc[2] = _mm512_add_ps(acc[2], out);
      acc[3] = _mm512_fmadd_ps(out, v, acc[3]);
    }
    for (int i = 0; i < 4; ++i) add_lanes(acc[i], sums + i * step + c);
  }
}

void apply_affines(Bf16* row, const float* inside, int pixels, int channels, const float* scale_in, const float* shift_in,
                   const float* scale_out, const float* shift_out) {
  for (int c = 0; c < channels; c += kLanes) {
    const __m512 scale = _mm512_loadu_ps(scale_out + c);
    const __m512 shift = _mm512_loadu_ps(shift_out + c);
    const __m512 scale_step = _mm512_sub_ps(_mm512_loadu_ps(scale_in + c), scale);
    const __m512 shift_step = _mm512_sub_ps(_mm512_loadu_ps(shift_in + c), shift);
    for (int p = 0; p < pixels; ++p) {
      Bf16* at = row + static_cast<std::ptrdiff_t>(p) * channels + c;
      const __m512 share = _mm512_set1_ps(inside[p]);
      const __m512 value =
          _mm512_fmadd_ps(load_bf16(at), _mm512_fmadd_ps(share, scale_step, scale), _mm512_fmadd_ps(share, shift_step, shift));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), to_bf16(value));
    }
  }
}

void fold_adain(const AdaINFold& fold) {
  for (int b = 0; b < fold.blocks; ++b) {
    __m512 low = _mm512_setzero_ps();   // outputs 0..7 of the block, two inputs each
    __m512 high = _mm512_setzero_ps();  // outputs 8..15
    for (int tap = 0; tap < fold.tap_count; ++tap) {
      for (int pair = 0; pair < fold.channel_pairs; ++pair) {
        const std::ptrdiff_t at = ((static_cast<std::ptrdiff_t>(tap) * fold.channel_pairs + pair) * fold.blocks + b) * 2 * kLanes;
        const float* scale = fold.scale + 2 * pair;
        const float* shift = fold.shift + 2 * pair;
        const float* mean = fold.mean + 2 * pair;
        const __m512 shifted = alternate(scale[0] * mean[0] + shift[0], scale[1] * mean[1] + shift[1]);
        _mm512_storeu_si512(fold.folded + at, fold_pair(fold.original + at, alternate(scale[0], scale[1]), shifted,
                                                        alternate(mean[0], mean[1]), low, high));
      }
    }
    alignas(64) float sums[2 * kLanes];
    _mm512_store_ps(sums, low);
    _mm512_store_ps(sums + kLanes, high);
    for (int o = 0; o < kLanes; ++o) {
      fold.folded_bias[b * kLanes + o] = fold.bias[b * kLanes + o] + sums[2 * o] + sums[2 * o + 1];
    }
  }
}

void max_pool_row(const Bf16* top, const Bf16* bottom, int pixels, int channels, Bf16* output) {
  for (int p = 0; p < pixels; ++p) {
    const std::ptrdiff_t left = static_cast<std::ptrdiff_t>(2) * p * channels;
    for (int c = 0; c < channels; c += kLanes) {
      const __m512 upper = _mm512_max_ps(load_bf16(top + left + c), load_bf16(top + left + channels + c));
      const __m512 lower = _mm512_max_ps(load_bf16(bottom + left + c), load_bf16(bottom + left + channels + c));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + static_cast<std::ptrdiff_t>(p) * channels + c),
                          to_bf16(_mm512_max_ps(upper, lower)));
    }
  }
}

}  // namespace adainstyle::avx512
