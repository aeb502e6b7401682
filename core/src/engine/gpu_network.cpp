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

void GpuNetwork::run_step(int index, const float* mean, const Measuring* measuring) {
  const Step& step = plan_.steps[index];
  if (model_.steps[index].side > 0) return convolve(index, mean, measuring);
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

void GpuNetwork::convolve(int index, const float* mean, const Measuring* measuring) {
  const Step& step = plan_.steps[index];
  const GpuStep& weights = model_.steps[index];
  const bool is_last = index + 1 == static_cast<int>(plan_.steps.size());
  // With ReLU the library adds the bias, in the features' format as it wants it. Where another pass follows, that does both, in float32.
  const bool complete = step.relu && step.type != StepType::kPhaseConv;
  const int border = complete ? model_.borders[step.output].pixels : 0;
  const int padding = border * step.stride;  // Note [Borders]: one pixel of the output lies `stride` pixels of the input out
  const at::Tensor result = queue_.convolve(tensors_[step.input].rows.permute({0, 3, 1, 2}), weights.weight,
                                            complete ? weights.rounded_bias : at::Tensor(), step.stride, padding, complete);
  const at::Tensor rows = result.permute({0, 2, 3, 1});
  const Features features{rows, map_of(rows, border)};
  if (is_last) last_bias_ = complete ? at::Tensor() : weights.bias;
  if (complete || is_last) return keep_convolution(index, features, measuring);

  const at::Tensor bias = weights.rounding.defined() && mean != nullptr ? corrected_bias(weights, mean) : weights.bias;
  FeatureJob job;
  job.kind = step.type == StepType::kPhaseConv ? FeatureJob::Kind::kInterleave : FeatureJob::Kind::kAdd;
  job.input = features.map;
  job.bias = bias.const_data_ptr<float>();
  job.relu = step.relu;
  if (step.skip >= 0) job.skip = tensors_[step.skip].map;
  run(job, step.output, measuring);
}

at::Tensor GpuNetwork::corrected_bias(const GpuStep& weights, const float* mean) const {
  const at::Tensor corrected = queue_.empty({weights.outputs}, at::kFloat);
  CorrectionJob job;
  job.rounding = weights.rounding.const_data_ptr<float>();
  job.bias = weights.bias.const_data_ptr<float>();
  job.mean = mean;
  job.outputs = weights.outputs;
  job.channels = static_cast<int>(weights.rounding.size(1));
  job.corrected = corrected.mutable_data_ptr<float>();
  queue_.run(job);
  return corrected;
}

// A convolution's result that no pass follows, but for its border.
void GpuNetwork::keep_convolution(int index, const Features& result, const Measuring* measuring) {
  const int tensor = plan_.steps[index].output;
  if (result.map.border > 0) {
    FeatureJob job;
    job.kind = FeatureJob::Kind::kBorder;
    job.input = job.output = result.map;
    job.border = model_.borders[tensor].of;
    queue_.run(job);
  }
  if (measuring != nullptr) measure(result, *measuring);
  keep(tensor, result);
}

void GpuNetwork::measure(const Features& features, const Measuring& measuring) {
  FeatureJob job;
  job.input = features.map;
  set(job, &measuring);
  queue_.run(job);
}

void GpuNetwork::apply_adain(int index, const float* inside, const float* outside, const RegionPlane& plane) {
  const int tensor = plan_.steps[index].output;
  const Features before = std::exchange(tensors_[tensor], {});
  FeatureJob job;
  job.kind = FeatureJob::Kind::kAdaIN;
  job.input = before.map;
  job.affine[0] = inside;
  job.affine[1] = outside;
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
