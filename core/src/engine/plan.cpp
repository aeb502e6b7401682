// SPDX-License-Identifier: MIT
#include "engine/plan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace adainstyle {
namespace {

// A convolution's float32 weights on their way into a step. No outputs: no convolution.
struct ConvWeights {
  int outputs = 0;
  int inputs = 0;
  int side = 3;               // of the kernel
  std::vector<float> weight;  // OIHW
  std::vector<float> bias;

  float& at(int o, int i, int k) { return weight[(static_cast<std::size_t>(o) * inputs + i) * side * side + k]; }
  float at(int o, int i, int k) const { return weight[(static_cast<std::size_t>(o) * inputs + i) * side * side + k]; }
};

ConvWeights zero_conv(int outputs, int inputs, int side) {
  ConvWeights conv{outputs, inputs, side, {}, {}};
  conv.weight.assign(static_cast<std::size_t>(outputs) * inputs * side * side, 0.0f);
  conv.bias.assign(outputs, 0.0f);
  return conv;
}

ConvWeights identity_conv(int channels) {
  ConvWeights conv = zero_conv(channels, channels, 1);
  for (int c = 0; c < channels; ++c) conv.at(c, c, 0) = 1.0f;
  return conv;
}

// Rewrite 2: first `inner` (1x1), then `outer`.
ConvWeights compose(const ConvWeights& inner, const ConvWeights& outer) {
  const int taps = outer.side * outer.side;
  ConvWeights result = zero_conv(outer.outputs, inner.inputs, outer.side);
  for (int o = 0; o < outer.outputs; ++o) {
    double bias = outer.bias[o];
    for (int m = 0; m < outer.inputs; ++m) {
      for (int k = 0; k < taps; ++k) {
        const float w = outer.at(o, m, k);
        bias += static_cast<double>(w) * inner.bias[m];
        for (int i = 0; i < inner.inputs; ++i) result.at(o, i, k) += w * inner.at(m, i, 0);
      }
    }
    result.bias[o] = static_cast<float>(bias);
  }
  return result;
}

// Rewrite 3. On the upsampled grid the taps of row 2y + dy fall on the small rows {y-1, y, y} for dy = 0 and {y, y, y+1} for
// dy = 1; taps that fall on the same small pixel add up. The 2x2 kernel of phase dy covers the small rows y-1+dy and y+dy.
std::vector<float> phase_weights(const ConvWeights& conv) {
  constexpr int kSmallTap[2][3] = {{0, 1, 1}, {0, 0, 1}};  // [phase][tap of the 3x3 kernel]: tap of the 2x2 kernel
  std::vector<float> phases(static_cast<std::size_t>(4) * conv.outputs * conv.inputs * 4, 0.0f);
  for (int phase = 0; phase < 4; ++phase) {
    for (int o = 0; o < conv.outputs; ++o) {
      for (int i = 0; i < conv.inputs; ++i) {
        float* small = &phases[((static_cast<std::size_t>(phase) * conv.outputs + o) * conv.inputs + i) * 4];
        for (int k = 0; k < 9; ++k) small[kSmallTap[phase / 2][k / 3] * 2 + kSmallTap[phase % 2][k % 3]] += conv.at(o, i, k);
      }
    }
  }
  return phases;
}

void halve(TensorShape& shape) {
  if (shape.upscale > 1) {
    shape.upscale /= 2;
  } else {
    shape.downscale *= 2;
  }
}

void double_side(TensorShape& shape) {
  if (shape.downscale > 1) {
    shape.downscale /= 2;
  } else {
    shape.upscale *= 2;
  }
}

// Walks the two lists and emits steps. What has been read but not yet emitted waits in three places, in this order behind the
// current tensor: an AdaIN, an upsampling, a 1x1 convolution.
class Lowering {
 public:
  Lowering(const Model& model, bool sixteen_bit) : model_(model), sixteen_bit_(sixteen_bit) {}

  Plan run() {
    const Network& network = model_.network;
    const bool unshuffled = !network.encoder.empty() && network.encoder.front().type == OpType::kPixelUnshuffle;
    const bool shuffled = !network.decoder.empty() && network.decoder.back().type == OpType::kPixelShuffle;
    plan_.eps = network.eps;
    plan_.overall_stride = overall_stride(network);
    plan_.unshuffle = unshuffled ? 2 : 1;
    plan_.shuffle = shuffled ? 2 : 1;
    plan_.tensors.push_back(unshuffled ? TensorShape{12, 2, 1} : TensorShape{3, 1, 1});
    plan_.tap_tensors.assign(tap_channels(network).size(), -1);
    for (auto op = network.encoder.begin() + (unshuffled ? 1 : 0); op != network.encoder.end(); ++op) add(*op);
    emit_pointwise();
    emit_upsample();
    plan_.encoder_steps = static_cast<int>(plan_.steps.size());
    for (auto op = network.decoder.begin(); op != network.decoder.end() - (shuffled ? 1 : 0); ++op) add(*op);
    finish();
    return std::move(plan_);
  }

 private:
  void add(const Operation& op) {
    switch (op.type) {
      case OpType::kConv1x1: return add_conv1x1(op);
      case OpType::kConv3x3: return add_conv3x3(op);
      case OpType::kResidual: return add_residual(op);
      case OpType::kMaxPool: return add_max_pool();
      case OpType::kUpsampleNearest: return add_upsample();
      case OpType::kPixelUnshuffle: return add_shuffle(StepType::kPixelUnshuffle);
      case OpType::kPixelShuffle: return add_shuffle(StepType::kPixelShuffle);
      case OpType::kTap: plan_.tap_tensors[op.tap] = measurable_tensor(); return;
      case OpType::kAdaIN: return add_adain(op);
    }
  }

  ConvWeights load(const std::string& name, int outputs, int inputs, int side) const {
    return {outputs, inputs, side, model_.weights.at(name + ".weight").values, model_.weights.at(name + ".bias").values};
  }

  void add_conv1x1(const Operation& op) {
    ConvWeights conv = load(op.name, op.outputs, op.inputs, 1);
    if (pointwise_.outputs) conv = compose(pointwise_, conv);
    pointwise_ = std::move(conv);
    if (op.relu) emit_pointwise(true);
  }

  void add_conv3x3(const Operation& op) {
    ConvWeights conv = load(op.name, op.outputs, op.inputs, 3);
    if (pointwise_.outputs) conv = compose(std::exchange(pointwise_, {}), conv);
    if (op.stride != 1) emit_upsample();
    const StepType type = std::exchange(upsample_, false) ? StepType::kPhaseConv : StepType::kConv3x3;
    emit_conv(type, conv, op.stride, op.relu);
  }

  void add_residual(const Operation& op) {
    emit_pointwise();
    emit_upsample();
    require_features();
    const int skip = current_;
    const int skip_adain = adain_;
    emit_conv(StepType::kConv3x3, load(op.name + ".a", op.outputs, op.inputs, 3), 1, true);
    emit_conv(StepType::kConv3x3, load(op.name + ".b", op.outputs, op.inputs, 3), 1, false);
    plan_.steps.back().skip = skip;
    plan_.steps.back().skip_adain = skip_adain;
  }

  void add_max_pool() {
    emit_pointwise();
    emit_upsample();
    require_features();
    TensorShape shape = plan_.tensors[current_];
    halve(shape);
    emit(Step{StepType::kMaxPool}, shape);
  }

  void add_upsample() {
    emit_pointwise();
    emit_upsample();
    upsample_ = true;
  }

  void add_shuffle(StepType type) {
    emit_pointwise();
    emit_adain();
    emit_upsample();
    require_features();
    TensorShape shape = plan_.tensors[current_];
    if (type == StepType::kPixelUnshuffle) {
      shape.channels *= 4;
      halve(shape);
    } else {
      shape.channels /= 4;
      double_side(shape);
    }
    emit(Step{type}, shape);
  }

  void add_adain(const Operation& op) { add_point(op.tap, measurable_tensor()); }

  void add_point(int tap, int tensor) {
    adain_ = static_cast<int>(plan_.adains.size());
    plan_.adains.push_back({tap, tensor});
  }

  // A tensor with the statistics of the features here. Upsampling copies every pixel four times and leaves them as they are, so
  // it may stay pending.
  int measurable_tensor() {
    emit_pointwise();
    require_features();
    emit_adain();
    return current_;
  }

  // Tensor 0 holds integers, which only a convolution turns into features.
  void require_features() {
    if (current_ == 0) emit_conv(StepType::kConv1x1, identity_conv(plan_.tensors[0].channels), 1, false);
  }

  void emit_pointwise(bool relu = false) {
    if (pointwise_.outputs) emit_conv(StepType::kConv1x1, std::exchange(pointwise_, {}), 1, relu);
  }

  void emit_adain() {
    if (adain_ >= 0) emit_conv(StepType::kConv1x1, identity_conv(plan_.tensors[current_].channels), 1, false);
  }

  void emit_upsample() {
    if (!upsample_) return;
    require_features();
    upsample_ = false;
    TensorShape shape = plan_.tensors[current_];
    double_side(shape);
    emit(Step{StepType::kUpsample}, shape);
  }

  // The engine's last step writes the picture, which only a plain convolution can.
  void finish() {
    emit_pointwise();
    emit_upsample();
    const Step* last = plan_.steps.empty() ? nullptr : &plan_.steps.back();
    const bool plain = last && static_cast<int>(plan_.steps.size()) > plan_.encoder_steps && !last->weight.empty() &&
                       last->type != StepType::kPhaseConv && last->skip < 0;
    if (adain_ >= 0 || !plain) emit_conv(StepType::kConv1x1, identity_conv(plan_.tensors[current_].channels), 1, false);
    for (std::size_t tap = 0; tap < plan_.tap_tensors.size(); ++tap) {
      const bool used = std::any_of(plan_.adains.begin(), plan_.adains.end(),
                                    [&](const AdaINPoint& point) { return point.tap == static_cast<int>(tap); });
      if (!used) plan_.tap_tensors[tap] = -1;
    }
  }

  void emit_conv(StepType type, const ConvWeights& conv, int stride, bool relu) {
    Step step;
    step.type = type;
    step.stride = stride;
    step.relu = relu;
    step.bias = conv.bias;
    step.weight = type == StepType::kPhaseConv ? phase_weights(conv) : conv.weight;
    if (current_ == 0) {  // rewrite 1
      for (float& w : step.weight) w *= 1.0f / 255.0f;
    }
    if (type == StepType::kPhaseConv && sixteen_bit_ && adain_ < 0 && current_ != 0) add_point(-1, current_);
    step.input_adain = std::exchange(adain_, -1);
    TensorShape shape = plan_.tensors[current_];
    shape.channels = conv.outputs;
    if (stride == 2) halve(shape);
    if (type == StepType::kPhaseConv) double_side(shape);
    emit(std::move(step), shape);
  }

  void emit(Step step, const TensorShape& shape) {
    step.input = current_;
    step.output = current_ = static_cast<int>(plan_.tensors.size());
    plan_.tensors.push_back(shape);
    plan_.steps.push_back(std::move(step));
  }

  const Model& model_;
  bool sixteen_bit_;
  Plan plan_;
  int current_ = 0;  // tensor
  int adain_ = -1;
  bool upsample_ = false;
  ConvWeights pointwise_;  // without ReLU, so that it may still be multiplied into the next convolution
};

}  // namespace

Plan lower(const Model& model, bool sixteen_bit) { return Lowering(model, sixteen_bit).run(); }

int extended_side(const Plan& plan, int side) {
  const int stride = plan.overall_stride;
  return std::max((side + stride - 1) / stride, 2) * stride;
}

int tensor_side(const TensorShape& tensor, int extended_picture_side) {
  return extended_picture_side / tensor.downscale * tensor.upscale;
}

}  // namespace adainstyle
