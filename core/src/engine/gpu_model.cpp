// SPDX-License-Identifier: MIT
#include "engine/gpu_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <utility>

#include "engine/arena.h"
#include "engine/gpu_engine.h"

namespace adainstyle {
namespace {

at::ScalarType type_of(Precision precision) {
  switch (precision) {
    case Precision::kBf16: return at::kBFloat16;
    case Precision::kFp32: return at::kFloat;
    default: return at::kHalf;
  }
}

std::size_t bytes_of(const at::Tensor& tensor) { return tensor.defined() ? tensor.nbytes() : 0; }

}  // namespace

GpuModel::GpuModel(const Model& model, const at::Device& where, Precision precision, QueueMaker make_queue)
    : plan(lower(model, precision != Precision::kFp32)), type(type_of(precision)), make_queue_(std::move(make_queue)) {
  const c10::InferenceMode inference;
  borders.resize(plan.tensors.size());
  for (Step& step : plan.steps) {
    if (step.type == StepType::kConv3x3) borders[step.input] = {1, Border::kReflected};
    if (step.type == StepType::kPhaseConv) borders[step.input] = {1, Border::kReplicated};
    steps.push_back(step.weight.empty() ? GpuStep{} : prepare(step, where));
    step.weight = {};
    step.bias = {};
  }
}

GpuStep GpuModel::prepare(const Step& step, const at::Device& where) const {
  const int phases = step.type == StepType::kPhaseConv ? 4 : 1;
  const int inputs = plan.tensors[step.input].channels;
  const int outputs = plan.tensors[step.output].channels;
  GpuStep prepared;
  prepared.side = step.type == StepType::kConv3x3 ? 3 : step.type == StepType::kPhaseConv ? 2 : 1;
  prepared.outputs = phases * stored_channels(outputs);
  const int taps = prepared.side * prepared.side;
  at::Tensor weight = at::zeros({prepared.outputs, prepared.side, prepared.side, stored_channels(inputs)}, at::kFloat);
  at::Tensor bias = at::zeros({prepared.outputs}, at::kFloat);
  float* weights = weight.mutable_data_ptr<float>();
  for (int o = 0; o < phases * outputs; ++o) {
    const int stored = o / outputs * stored_channels(outputs) + o % outputs;
    bias.mutable_data_ptr<float>()[stored] = step.bias[o % outputs];
    for (int i = 0; i < inputs; ++i) {
      for (int tap = 0; tap < taps; ++tap) {
        weights[(static_cast<std::size_t>(stored) * taps + tap) * stored_channels(inputs) + i] =
            step.weight[(static_cast<std::size_t>(o) * inputs + i) * taps + tap];
      }
    }
  }
  const at::Tensor stored = weight.to(type);
  if (phases > 1 && type != at::kFloat) prepared.rounding = (weight - stored.to(at::kFloat)).sum({1, 2}).to(where);
  prepared.weight = stored.to(where).permute({0, 3, 1, 2});
  prepared.bias = bias.to(where);
  prepared.rounded_bias = bias.to(type).to(where);
  return prepared;
}

std::size_t GpuModel::feature_bytes(int width, int height) const {
  return arena_bytes(plan, width, height, c10::elementSize(type));
}

std::size_t GpuModel::weight_bytes() const {
  std::size_t bytes = 0;
  for (const GpuStep& step : steps) {
    bytes += bytes_of(step.weight) + bytes_of(step.bias) + bytes_of(step.rounded_bias) + bytes_of(step.rounding);
  }
  return bytes;
}

std::unique_ptr<Engine> GpuModel::make_engine(int) const { return make_gpu_engine(shared_from_this(), make_queue_(type)); }

}  // namespace adainstyle
