// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "engine/gpu_model.h"

namespace adainstyle {

// Features and the memory they lie in.
struct Features {
  at::Tensor rows;  // [1, height + 2 * border, width + 2 * border, stored channels]
  FeatureMap map;
};

// What the last step made.
struct Painting {
  Features features;
  at::Tensor bias;  // float32 [stored channels], still to be added; undefined: none
};

// How a tensor is measured while it is made: the members of FeatureJob.
struct Measuring {
  RegionPlane plane;
  float* partials = nullptr;
  int parts = 0;
  int regions = 1;
};

// Note [Borders]
// cuDNN pads with zeros and writes packed tensors, while the network wants reflection. So a tensor that a 3x3 convolution reads has a
// border of one pixel that is part of it. A convolution that makes such a tensor is given the border of its own input as if it were
// picture, and zeros around that: it comes out with a border whose values mean nothing, and only these, a few thousandths of the
// tensor, are written again. No pass over a whole tensor is made for padding. Passes that are there anyway (pooling, the interleaving of
// phases, the addition of a residual block, AdaIN) write the border themselves, add what the convolution left out, and measure what
// they write.
//
// AdaIN is such a pass, while on a CPU it waits for the next convolution's weights (rewrite 4 of Note [Lowering]): cuDNN takes a bias in
// 16 bits only, and where a channel has next to no spread, AdaIN's shift is some hundred times what comes out.
class GpuNetwork {
 public:
  GpuNetwork(const GpuModel& model, DeviceQueue& queue) : model_(model), plan_(model.plan), queue_(queue) {}

  // For pictures of these extended sides from now on.
  void resize(int width, int height);

  // Makes a tensor's memory; tensor 0 is what the picture is read into.
  Features make(int tensor) const;

  // Before the first step. picture: tensor 0.
  void begin(Features picture);

  // mean: of the step's input where it is an AdaIN point, [stored channels] on the device, else nullptr. measuring: nullptr where the
  // step is not measured.
  void run_step(int index, const float* mean, const Measuring* measuring);

  // AdaIN, to what step `index` made, as FeatureJob::affine has it: outside nullptr where there is one scale and shift.
  void apply_adain(int index, const float* inside, const float* outside, const RegionPlane& plane);

  // What step `index` made; until it is released.
  const Features& made(int index) const { return tensors_[plan_.steps[index].output]; }

  // Forgets what no step after `index` reads; the last step's output stays until end().
  void release(int index);

  // The last step's output.
  Painting end();

  int width_of(int tensor) const { return tensor_side(plan_.tensors[tensor], width_); }
  int height_of(int tensor) const { return tensor_side(plan_.tensors[tensor], height_); }
  std::size_t peak_bytes() const { return peak_bytes_; }

 private:
  void convolve(int index, const float* mean, const Measuring* measuring);
  at::Tensor corrected_bias(const GpuStep& weights, const float* mean) const;
  void keep_convolution(int index, const Features& result, const Measuring* measuring);
  void run(FeatureJob job, int tensor, const Measuring* measuring);
  void measure(const Features& features, const Measuring& measuring);
  void keep(int tensor, Features features);

  const GpuModel& model_;
  const Plan& plan_;
  DeviceQueue& queue_;
  int width_ = 0;
  int height_ = 0;
  std::vector<Features> tensors_;  // by tensor of the plan; defined while alive
  at::Tensor last_bias_;
  std::size_t live_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
};

}  // namespace adainstyle
