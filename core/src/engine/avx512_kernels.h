// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace adainstyle::avx512 {

// The loops that need AVX512-BF16. Nothing else in this folder is compiled for a special CPU, so that the library loads on any.

using Bf16 = std::uint16_t;  // the upper half of a float32

constexpr int kLanes = 16;     // output channels of one vector
constexpr int kMaxBlocks = 4;  // vectors of output channels one call makes
constexpr int kMaxTaps = 9;
constexpr int kMaxTilePixels = 24;  // output pixels held in registers at a time

// One row of a convolution's output, for up to 64 of its output channels.
//
// Note [Packed weights]
// bf16 pairs along the input channels, as VDPBF16PS takes them: [tap][channel pair][block][16 outputs][2 inputs].
struct ConvRow {
  const Bf16* taps[kMaxTaps];  // for each kernel tap, the input of output pixel 0
  int tap_count;
  std::ptrdiff_t input_step;  // input elements from one output pixel to the next
  int channel_pairs;          // input channels / 2
  int blocks;                 // output channels / 16, at most kMaxBlocks
  const Bf16* weights;
  const float* bias;  // [blocks * 16]
  bool relu;
  const Bf16* skip;          // [pixel][channel], added to the output; nullptr: none
  std::ptrdiff_t skip_step;  // elements from one pixel to the next
  const float* skip_scale;   // [blocks * 16]; the skip tensor's AdaIN. nullptr: none
  const float* skip_shift;
  int pixels;
};

// Writes bf16, `output_step` elements from one pixel to the next.
void conv_row(const ConvRow& row, Bf16* output, std::ptrdiff_t output_step);

// One tile of at most kMaxTilePixels from pixel `first` on, as float32 [pixel][16] (row.blocks is 1). Returns how many it made.
int conv_tile_float(const ConvRow& row, int first, float* output);

// Adds each channel's sum and sum of squares over `pixels` pixels that lie `step` elements apart. channels: a multiple of 16.
void add_row_statistics(const Bf16* row, int pixels, std::ptrdiff_t step, int channels, double* sum, double* sum_of_squares);

// The same in two regions, to which pixel p belongs with the shares inside[p] and 1 - inside[p]. sums: [region][sum, sum of
// squares], each `step` values after the one before. The pixels lie side by side.
void add_row_statistics_by_region(const Bf16* row, const float* inside, int pixels, int channels, double* sums,
                                  std::ptrdiff_t step);

// x = inside[p] * (scale_in * x + shift_in) + (1 - inside[p]) * (scale_out * x + shift_out), in place, per channel. channels: a
// multiple of 16.
void apply_affines(Bf16* row, const float* inside, int pixels, int channels, const float* scale_in, const float* shift_in,
                   const float* scale_out, const float* shift_out);

// Folds AdaIN into a convolution's weights. `original`: float32 in packed order; groups of `blocks` as in ConvRow. Writes
// bf16(original * scale) and bias + sum(original * (scale * mean + shift)) - sum(bf16(original * scale) * mean), so that the
// rounding of the weights meets only the deviations from the mean, as it would behind a separate AdaIN.
// scale, shift, mean: [2 * channel_pairs]; bias and folded_bias: [blocks * 16].
struct AdaINFold {
  const float* original;
  int tap_count;
  int channel_pairs;
  int blocks;
  const float* scale;
  const float* shift;
  const float* mean;
  const float* bias;
  Bf16* folded;
  float* folded_bias;
};
void fold_adain(const AdaINFold& fold);

// Element-wise maximum of 2x2 pixels: `top` and `bottom` are rows of 2 * pixels, `output` one of `pixels`.
void max_pool_row(const Bf16* top, const Bf16* bottom, int pixels, int channels, Bf16* output);

}  // namespace adainstyle::avx512
