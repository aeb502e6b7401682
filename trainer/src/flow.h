// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "metrics.h"

namespace adainstyle {

// Two frames of a video with the true motion between them.
struct FlowPair {
  std::string first, second;  // picture files
  std::string flow;           // Middlebury .flo: for each pixel of the first frame where it lies in the second
  std::string occlusion;      // picture: pixels that are not black are not seen in the second frame; empty: none
  std::string invalid;        // picture: pixels that are not black count for nothing; empty: none
};

// The pairs of a folder in MPI-Sintel's manner: frames frame_NNNN.png, and below the folder, in any subfolder, frame_NNNN.flo, and
// frame_NNNN.png in subfolders whose names hold "occlusion" or "invalid".
// A .flo file of frame n makes a pair of frames n and n + 1. Throws Error where there is none.
std::vector<FlowPair> find_flow_pairs(const std::string& folder);

// Middlebury .flo: float32 [2, H, W], pixels, x first. Throws Error where the file is not one or says sizes that it does not hold.
at::Tensor read_flow(const std::string& path);

// Warping error (Lai et al. 2018, eq. 6, as a root): the second frame is fetched along the flow onto the first one's grid;
// sqrt(mean over the pixels that count of the squared difference), pixels in [0, 1]; bilinear. Pixels that leave the frame, are
// occluded or invalid do not count.
struct WarpingError {
  double input = 0.0;   // of the frames themselves
  double output = 0.0;  // of the repainted frames
  std::size_t pairs = 0;
};

// frames: [1, 3, H, W] float32; flow [2, H, W]; valid: bool [H, W].
double warping_error(const at::Tensor& first, const at::Tensor& second, const at::Tensor& flow, const at::Tensor& valid);

// Root mean square over all pairs, each frame repainted on its own with `style`.
WarpingError measure_warping(const std::vector<FlowPair>& pairs, const Stylize& stylize, const at::Tensor& style);

}  // namespace adainstyle
