// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "model_file.h"

namespace adainstyle {

// Note [Lowering]
// The engine does not run a network's operations one by one. lower() turns the two lists into fused steps with these exact
// rewrites (each is tested against plain_network.h):
//  1. A leading pixel-unshuffle is done while the picture is read, a closing pixel-shuffle while it is written. Pictures enter as
//     the integers 0..255, which bf16 holds exactly; the first convolution's weights take the factor 1/255.
//  2. A 1x1 convolution without ReLU in front of a 3x3 convolution is multiplied into it: a pointwise layer commutes with
//     reflection padding (VGG's colour transform conv0).
//  3. Nearest x2 followed by a 3x3 convolution becomes four 2x2 phase convolutions on the small tensor with replicate padding:
//     2.25 times fewer multiply-adds, and the large tensor never exists.
//  4. AdaIN is one scale and shift per channel. It is never a pass of its own: it waits until the next convolution, whose weights
//     and bias take it, and a residual block's addition takes it too. Its scale is positive, so it commutes with max pooling and
//     upsampling. Where nothing follows that could take it, a 1x1 identity convolution is inserted.
//  5. Bias, ReLU and a residual block's addition belong to the convolution that makes the tensor.
//
// Note [Flat frames]
// On a black or one-coloured frame a channel has no spread, and AdaIN divides by sqrt(eps): any difference between pixels that
// should be equal is magnified some hundred times. The four phases of rewrite 3 sum the same weights in four groupings, which
// 16-bit numbers round in four ways; the frame comes out as a checkerboard. So each phase convolution in 16 bits gets its bias
// corrected, at each frame, by what the rounding of its weights does to the mean of its input: an AdaIN point without a tap, whose
// scale is 1.
enum class StepType {
  kConv3x3,    // reflection padding
  kPhaseConv,  // rewrite 3; weight [4 phases (dy*2+dx), outputs, inputs, 2, 2]
  kConv1x1,
  kMaxPool,
  kUpsample,
  kPixelUnshuffle,
  kPixelShuffle,
};

struct Step {
  StepType type = StepType::kConv3x3;
  int input = -1;   // tensor
  int output = -1;  // tensor
  int stride = 1;
  bool relu = false;
  std::vector<float> weight;  // convolutions: OIHW, or as at kPhaseConv; empty for the others
  std::vector<float> bias;    // [outputs]
  int input_adain = -1;       // index into Plan::adains: its scale and shift apply to the input
  int skip = -1;              // tensor added to the output (residual block; such steps have no ReLU)
  int skip_adain = -1;        // index into Plan::adains: its scale and shift apply to the skip tensor
};

// What lies between two steps. Its side is the extended picture's side / downscale * upscale. Tensor 0 is the picture as read.
struct TensorShape {
  int channels = 0;
  int downscale = 1;
  int upscale = 1;
};

struct AdaINPoint {
  int tap = -1;     // -1: only the mean is needed (Note [Flat frames])
  int tensor = -1;  // whose channel statistics are the content statistics
};

struct Plan {
  std::vector<TensorShape> tensors;
  std::vector<Step> steps;       // the last one is a plain convolution that makes the picture
  std::vector<int> tap_tensors;  // by tap; -1 where the decoder has no AdaIN of that tap
  std::vector<AdaINPoint> adains;
  int encoder_steps = 0;   // the first so many make all taps
  int unshuffle = 1;       // factor applied while the picture is read
  int shuffle = 1;         // factor applied while the picture is written
  int overall_stride = 1;  // picture sides are extended by reflection to multiples of it
  float eps = 1e-5f;
};

// sixteen_bit: whether the plan will run in bf16 or fp16.
Plan lower(const Model& model, bool sixteen_bit);

// A picture's side extended to a multiple of the plan's stride, and to at least two pixels at the coarsest tensor, which
// reflection padding needs.
int extended_side(const Plan& plan, int side);

// A tensor's side for an extended picture's side.
int tensor_side(const TensorShape& tensor, int extended_picture_side);

}  // namespace adainstyle
