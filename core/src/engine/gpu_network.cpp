// SPDX-License-Identifier: MIT
#include "engine/gpu_network.h"

#include <algorithm>
#include <utility>

namespace adainstyle {
namespace {

FeatureMap map_of(const at::Tensor& rows, int border) {
  return {rows.data_ptr(), static_cast<int>(rows.size(2)) - 2 * border, static_cast<int>(rows.size(1)) - 2 * border,
          static_cast<int>(rows.size(3)), border};
}

FeatureJob::Kind kind_of(StepType type) {
  switch (type) {
    case StepType::kMaxPool: return FeatureJob::Kind::kMaxPool;
    case StepType::kUpsample: return FeatureJob::Kind::kUpsample;
    case StepType::kPixelUnshuffle: return FeatureJob::Kind::kUnshuffle;
    case StepType::kPixelShuffle: return FeatureJob::Kind::kShuffle;
    default: return FeatureJob::Kind::kKeep;
  }
}

void set(FeatureJob& job, const Measuring* measuring) {
  if (measuring == nullptr) return;
  job.plane = measuring->plane;
  job.partials = measuring->partials;
  job.parts = measuring->parts;
  job.regions = measuring->regions;
}

// A convolution's weights in a frame.
struct FrameWeights {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor rounded_bias;
};

FrameWeights fold(const GpuStep& step, const AffineVectors& affine, at::ScalarType type, DeviceQueue& queue) {
  const int inputs = static_cast<int>(step.plain.size(3));
  FrameWeights folded{queue.empty(step.plain.sizes(), type), queue.empty({step.outputs}, at::kFloat),
                      queue.empty({step.outputs}, type)};
  FoldJob job;
  job.weight = step.plain.const_data_ptr<float>();
  job.bias = step.bias.const_data_ptr<float>();
  job.affine = affine;
  job.outputs = step.outputs;
  job.taps = step.side * step.side;
  job.channels = inputs;
  job.scaled = folded.weight.data_ptr();
  job.folded_bias = folded.bias.mutable_data_ptr<float>();
  job.rounded_bias = folded.rounded_bias.data_ptr();
  queue.run(job);
  folded.weight = folded.weight.permute({0, 3, 1, 2});
  return folded;
}

}  // namespace

void GpuNetwork::resize(int width, int height) {
  width_ = width;
  height_ = height;
  tensors_.clear();
  peak_bytes_ = 0;
}

Features GpuNetwork::make(int tensor) const {
  const int border = model_.borders[tensor].pixels;
  const at::Tensor rows = queue_.empty(
      {1, height_of(tensor) + 2 * border, width_of(tensor) + 2 * border, stored_channels(plan_.tensors[tensor].channels)},
      model_.type);
  return {rows, map_of(rows, border)};
}

void GpuNetwork::begin(Features picture) {
  tensors_.assign(plan_.tensors.size(), {});
  live_bytes_ = 0;
  keep(0, std::move(picture));
}

void GpuNetwork::keep(int tensor, Features features) {
  live_bytes_ += features.rows.nbytes();
  peak_bytes_ = std::max(peak_bytes_, live_bytes_);
  tensors_[tensor] = std::move(features);
}

void GpuNetwork::run_step(int index, const std::vector<AffineVectors>& affines, const Measuring* measuring) {
  const Step& step = plan_.steps[index];
  if (model_.steps[index].side > 0) return convolve(index, affines, measuring);
  FeatureJob job;
  job.kind = kind_of(step.type);
  job.input = tensors_[step.input].map;
  run(job, step.output, measuring);
}

// Runs a job that makes `tensor`.
void GpuNetwork::run(FeatureJob job, int tensor, const Measuring* measuring) {
  Features output = make(tensor);
  job.output = output.map;
  job.border = model_.borders[tensor].of;
  set(job, measuring);
  queue_.run(job);
  keep(tensor, std::move(output));
}

void GpuNetwork::convolve(int index, const std::vector<AffineVectors>& affines, const Measuring* measuring) {
  const Step& step = plan_.steps[index];
  const GpuStep& fixed = model_.steps[index];
  const FrameWeights weights = step.input_adain < 0 ? FrameWeights{fixed.weight, fixed.bias, fixed.rounded_bias}
                                                    : fold(fixed, affines[step.input_adain], model_.type, queue_);
  // With ReLU the library adds the bias, in the features' format as it wants it; else it is left to who reads the result.
  const bool direct = step.type != StepType::kPhaseConv && step.relu;
  const int border = direct ? model_.borders[step.output].pixels : 0;
  const int padding = border * step.stride;  // Note [Borders]: one pixel of the output lies `stride` pixels of the input out
  const at::Tensor result = queue_.convolve(tensors_[step.input].rows.permute({0, 3, 1, 2}), weights.weight,
                                            step.relu ? weights.rounded_bias : at::Tensor(), step.stride, padding, step.relu);
  const at::Tensor rows = result.permute({0, 2, 3, 1});
  finish_convolution(index, {rows, map_of(rows, border)}, step.relu ? at::Tensor() : weights.bias, affines, measuring);
}

void GpuNetwork::finish_convolution(int index, const Features& result, const at::Tensor& bias,
                                    const std::vector<AffineVectors>& affines, const Measuring* measuring) {
  const Step& step = plan_.steps[index];
  FeatureJob job;
  job.input = result.map;
  if (bias.defined()) job.bias = bias.const_data_ptr<float>();
  if (step.type == StepType::kPhaseConv) {
    job.kind = FeatureJob::Kind::kInterleave;
    return run(job, step.output, measuring);
  }
  const bool is_last = index + 1 == static_cast<int>(plan_.steps.size());
  if (is_last) last_bias_ = bias;
  if (!step.relu && !is_last) {
    job.kind = FeatureJob::Kind::kAdd;
    if (step.skip >= 0) job.skip = tensors_[step.skip].map;
    if (step.skip_adain >= 0) job.skip_affine = affines[step.skip_adain];
    return run(job, step.output, measuring);
  }
  if (result.map.border > 0) {
    job = {};
    job.kind = FeatureJob::Kind::kBorder;
    job.input = job.output = result.map;
    job.border = model_.borders[step.output].of;
    queue_.run(job);
  }
  if (measuring != nullptr) measure(result, *measuring);
  keep(step.output, result);
}

void GpuNetwork::measure(const Features& features, const Measuring& measuring) {
  FeatureJob job;
  job.input = features.map;
  set(job, &measuring);
  queue_.run(job);
}

void GpuNetwork::apply_regions(int index, const AffineVectors (&by_region)[2], const RegionPlane& plane) {
  const int tensor = plan_.steps[index].output;
  const Features before = std::exchange(tensors_[tensor], {});
  FeatureJob job;
  job.kind = FeatureJob::Kind::kRegions;
  job.input = before.map;
  job.by_region[0] = by_region[0];
  job.by_region[1] = by_region[1];
  job.plane = plane;
  run(job, tensor, nullptr);
  live_bytes_ -= before.rows.nbytes();
}

void GpuNetwork::release(int index) {
  const Step& done = plan_.steps[index];
  for (const int tensor : {done.input, done.skip}) {
    if (tensor < 0 || !tensors_[tensor].rows.defined()) continue;
    const bool needed = std::any_of(plan_.steps.begin() + index + 1, plan_.steps.end(),
                                    [&](const Step& step) { return step.input == tensor || step.skip == tensor; });
    if (needed) continue;
    live_bytes_ -= tensors_[tensor].rows.nbytes();
    tensors_[tensor] = {};
  }
}

Painting GpuNetwork::end() {
  Painting painting{std::move(tensors_.back()), std::exchange(last_bias_, {})};
  tensors_.clear();
  return painting;
}

}  // namespace adainstyle
