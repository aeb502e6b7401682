// SPDX-License-Identifier: MIT
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/pixel_shuffle.h>
#include <ATen/ops/pixel_unshuffle.h>
#include <ATen/ops/reflection_pad2d.h>
#include <ATen/ops/replication_pad2d.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_nearest2d.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <map>
#include <utility>

#include "engine/arena.h"
#include "engine/cpu_transfer.h"
#include "engine/engine.h"
#include "engine/frame_adain.h"
#include "engine/region_weights.h"
#include "engine/torch_conv.h"
#include "stopwatch.h"

namespace adainstyle {
namespace {

at::ScalarType dtype_of(Precision precision) {
  switch (precision) {
    case Precision::kBf16: return at::kBFloat16;
    case Precision::kFp16: return at::kHalf;
    default: return at::kFloat;
  }
}

at::Tensor tensor_of(const std::vector<float>& values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

// A step's weights. Where AdaIN is folded in at each frame, float32 in plain order, else prepacked.
struct TorchStep {
  at::Tensor weight;  // [outputs, inputs, k, k]; phase convolutions: [4 * outputs, inputs, 2, 2]
  at::Tensor bias;    // float32, [outputs] or [4 * outputs]
};

class Prepared : public PreparedModel, public std::enable_shared_from_this<Prepared> {
 public:
  Prepared(const Model& model, Precision precision)
      : plan(lower(model, precision != Precision::kFp32)), dtype(dtype_of(precision)) {
    const c10::InferenceMode inference;
    for (Step& step : plan.steps) {
      steps.push_back(step.weight.empty() ? TorchStep{} : prepare(step));
      step.weight = {};
      step.bias = {};
    }
  }

  std::unique_ptr<Engine> make_engine(int threads) const override;

  const Plan& lowered() const override { return plan; }
  std::size_t feature_bytes(int width, int height) const override {
    return arena_bytes(plan, width, height, c10::elementSize(dtype));
  }

  std::size_t weight_bytes() const override {
    std::size_t bytes = 0;
    for (const TorchStep& step : steps) {
      if (step.weight.defined())
        bytes += step.weight.numel() * step.weight.element_size() + step.bias.numel() * step.bias.element_size();
    }
    return bytes;
  }

  Plan plan;  // without weights
  std::vector<TorchStep> steps;
  at::ScalarType dtype;

 private:
  TorchStep prepare(const Step& step) const {
    const int phases = step.type == StepType::kPhaseConv ? 4 : 1;
    const int side = step.type == StepType::kConv3x3 ? 3 : step.type == StepType::kPhaseConv ? 2 : 1;
    const int outputs = phases * plan.tensors[step.output].channels;
    const at::Tensor weight = tensor_of(step.weight, {outputs, plan.tensors[step.input].channels, side, side});
    const at::Tensor bias = tensor_of(step.bias, {static_cast<std::int64_t>(step.bias.size())}).repeat({phases});
    if (step.input_adain >= 0) return {weight, bias};
    return {prepack_conv_weight(weight.to(dtype), step.stride), bias};
  }
};

// AdaIN's scale and shift, float32 [C].
struct TensorAffine {
  at::Tensor scale;
  at::Tensor shift;
  at::Tensor mean;
};

class TorchEngine : public Engine {
 public:
  TorchEngine(std::shared_ptr<const Prepared> prepared, int threads)
      : prepared_(std::move(prepared)), plan_(prepared_->plan), threads_(threads), adain_(plan_), weights_(plan_) {}

  StyleStatistics encode_style(const ImageView& picture) override {
    const c10::InferenceMode inference;
    begin_frame(picture);
    StyleStatistics style(plan_.tap_tensors.size());
    for (int i = 0; i < plan_.encoder_steps; ++i) {
      run_step(i);
      for (std::size_t tap = 0; tap < style.size(); ++tap) {
        if (plan_.tap_tensors[tap] == plan_.steps[i].output) style[tap] = measure(tensors_[plan_.steps[i].output], {});
      }
      release(i);
    }
    tensors_.clear();
    return style;
  }

  void stylize(const ImageView& input, const MutableImageView& output, const StyleStatistics& style, float strength) override {
    const c10::InferenceMode inference;
    times_ = {};
    Stopwatch watch;
    begin_frame(input);
    watch.add_to(times_.convert);
    affines_.assign(plan_.adains.size(), {});
    const bool masked = regions_.mask != nullptr;
    if (masked) follow_mask();
    adain_.begin(style, masked ? regions_.outside : nullptr, strength, filter_);
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      run_step(static_cast<int>(i));
      watch.add_to(static_cast<int>(i) < plan_.encoder_steps ? times_.encode : times_.decode);
      if (adain_.measures(static_cast<int>(i))) {
        at::Tensor& features = tensors_[plan_.steps[i].output];
        const at::Tensor inside = masked ? inside_of(static_cast<int>(i), features) : at::Tensor();
        const auto result = adain_.take(static_cast<int>(i), measured(features, inside), static_cast<int>(features.size(1)));
        if (filter_ && filter_->done()) {
          tensors_.clear();
          return;
        }
        if (result && !result->by_region.empty()) features = apply_regions(features, inside, *result);
        if (result) affines_[result->point] = to_tensors(result->affine);
      }
      watch.add_to(times_.adain);
      release(static_cast<int>(i));
    }
    write_features(tensors_.back(), plan_.shuffle, input, output);
    watch.add_to(times_.decode);
    tensors_.clear();
  }

  // LibTorch's caching allocator owns the buffers; the largest two tensors of a frame are what must be alive at a time.
  std::size_t workspace_bytes() const override { return peak_bytes_; }

 private:
  void begin_frame(const ImageView& picture) {
    if (threads_ > 0 && at::get_num_threads() != threads_) at::set_num_threads(threads_);
    tensors_.assign(plan_.tensors.size(), {});
    const TensorShape& shape = plan_.tensors[0];
    tensors_[0] = read_features(picture, plan_.unshuffle, tensor_side(shape, extended_side(plan_, picture.height)),
                                tensor_side(shape, extended_side(plan_, picture.width)), prepared_->dtype);
    live_bytes_ = tensors_[0].nbytes();
  }

  void run_step(int index) {
    const Step& step = plan_.steps[index];
    const at::Tensor& input = tensors_[step.input];
    at::Tensor& output = tensors_[step.output];
    switch (step.type) {
      case StepType::kConv3x3: output = conv(index, at::reflection_pad2d(input, {1, 1, 1, 1})); break;
      case StepType::kConv1x1: output = conv(index, input); break;
      case StepType::kPhaseConv: output = interleave_phases(conv(index, at::replication_pad2d(input, {1, 1, 1, 1}))); break;
      case StepType::kMaxPool: output = at::max_pool2d(input, {2, 2}, {2, 2}); break;
      case StepType::kUpsample: output = at::upsample_nearest2d(input, {input.size(2) * 2, input.size(3) * 2}); break;
      case StepType::kPixelUnshuffle: output = channels_last(at::pixel_unshuffle(input, 2)); break;
      case StepType::kPixelShuffle: output = channels_last(at::pixel_shuffle(input, 2)); break;
    }
    if (step.skip >= 0) add_skip(step, output);
    live_bytes_ += output.nbytes();
    peak_bytes_ = std::max(peak_bytes_, live_bytes_);
  }

  static at::Tensor channels_last(const at::Tensor& tensor) { return tensor.contiguous(at::MemoryFormat::ChannelsLast); }

  // Folds this frame's AdaIN into the weights: W (scale x + shift) + b = (W scale) x + (b + W shift). What the rounding of
  // W scale does to the mean of x is taken out of the bias again. A skip tensor's share of the bias: see add_skip().
  at::Tensor conv(int index, const at::Tensor& padded) const {
    const Step& step = plan_.steps[index];
    const TorchStep& weights = prepared_->steps[index];
    at::Tensor bias = weights.bias;
    if (step.skip_adain >= 0) {
      const TensorAffine& skip = affines_[step.skip_adain];
      bias = bias + skip.shift + skip.scale * rounded(skip.mean);
    }
    if (step.input_adain < 0) return fused_conv(padded, weights.weight, bias, step.stride, step.relu);
    const TensorAffine& affine = affines_[step.input_adain];
    const at::Tensor scaled = weights.weight * affine.scale.view({1, -1, 1, 1});
    const at::Tensor weight = channels_last(scaled.to(prepared_->dtype));
    bias = bias + weights.weight.sum({2, 3}).matmul(affine.shift);
    if (prepared_->dtype != at::kFloat) bias += (scaled - weight.to(at::kFloat)).sum({2, 3}).matmul(affine.mean);
    return fused_conv(padded, weight, bias, step.stride, step.relu);
  }

  // [1, 4 * C, h + 1, w + 1], phase (dy, dx) at rows from dy on and columns from dx on, to [1, C, 2h, 2w].
  static at::Tensor interleave_phases(const at::Tensor& phases) {
    const std::int64_t channels = phases.size(1) / 4;
    const std::int64_t height = phases.size(2) - 1;
    const std::int64_t width = phases.size(3) - 1;
    at::Tensor output = at::empty({1, channels, 2 * height, 2 * width}, phases.options(), at::MemoryFormat::ChannelsLast);
    for (int phase = 0; phase < 4; ++phase) {
      const int dy = phase / 2;
      const int dx = phase % 2;
      output.slice(2, dy, std::nullopt, 2)
          .slice(3, dx, std::nullopt, 2)
          .copy_(phases.narrow(1, phase * channels, channels).narrow(2, dy, height).narrow(3, dx, width));
    }
    return output;
  }

  // scale x + shift = scale (x - mean) + (shift + scale mean). The last term is in the convolution's bias: shift and scale x alone
  // are large, and what is rounded to 16 bits before they cancel is lost.
  void add_skip(const Step& step, at::Tensor& output) const {
    const at::Tensor& skip = tensors_[step.skip];
    if (step.skip_adain < 0) {
      output.add_(skip);
      return;
    }
    const TensorAffine& affine = affines_[step.skip_adain];
    const auto of_channels = [&](const at::Tensor& values) { return values.to(prepared_->dtype).view({1, -1, 1, 1}); };
    output.addcmul_(skip - of_channels(affine.mean), of_channels(affine.scale));
  }

  // float32 values as the features' number format holds them.
  at::Tensor rounded(const at::Tensor& values) const { return values.to(prepared_->dtype).to(at::kFloat); }

  // The mask, tensor by tensor.
  void follow_mask() {
    weights_.follow(regions_);
    if (inside_version_ != weights_.version()) inside_.clear();
    inside_version_ = weights_.version();
  }

  // The shares of the inside of what step `index` makes, float32 [1, 1, H, W] as features are.
  at::Tensor inside_of(int index, const at::Tensor& features) {
    const RegionWeights::Plane& plane = weights_.plane(index);
    at::Tensor& whole = inside_[&plane];
    if (!whole.defined()) whole = tensor_of(plane.inside, {1, 1, plane.height, plane.width});
    const TensorShape& shape = plan_.tensors[plan_.steps[index].output];
    return whole.narrow(2, regions_.y / shape.downscale * shape.upscale, features.size(2))
        .narrow(3, regions_.x / shape.downscale * shape.upscale, features.size(3));
  }

  // inside: undefined where there is one region.
  std::vector<FrameAdaIN::Measured> measured(const at::Tensor& features, const at::Tensor& inside) const {
    if (!inside.defined()) return {{measure(features, {})}};
    std::vector<FrameAdaIN::Measured> regions{{measure(features, inside), inside.sum().item<double>()}};
    if (regions_.outside) {
      const at::Tensor outside = 1 - inside;
      regions.push_back({measure(features, outside), outside.sum().item<double>()});
    }
    return regions;
  }

  at::Tensor apply_regions(const at::Tensor& features, const at::Tensor& inside, const FrameAdaIN::Result& result) const {
    const TensorAffine in = to_tensors(result.by_region[0]);
    const TensorAffine out = to_tensors(result.by_region[1]);
    const auto blended = [&](const at::Tensor& a, const at::Tensor& b) {
      return b.view({1, -1, 1, 1}) + inside * (a - b).view({1, -1, 1, 1});
    };
    return channels_last(
        (features.to(at::kFloat) * blended(in.scale, out.scale) + blended(in.shift, out.shift)).to(prepared_->dtype));
  }

  // share: of each pixel, as inside_of() gives it; undefined: 1.
  Statistics measure(const at::Tensor& features, const at::Tensor& share) const {
    const at::Tensor pixels = features.permute({0, 2, 3, 1}).reshape({-1, features.size(1)}).to(at::kFloat);
    const at::Tensor weights = share.defined() ? share.reshape({-1, 1}) / share.sum() : at::Tensor();
    const auto average = [&](const at::Tensor& values) { return share.defined() ? (values * weights).sum(0) : values.mean(0); };
    // Two vectorised passes; at::var_mean goes through Welford's recurrence value by value.
    const at::Tensor mean = average(pixels);
    const at::Tensor variance = average((pixels - mean).square_());
    const at::Tensor both = at::stack({mean, (variance + plan_.eps).sqrt()});
    const float* data = both.const_data_ptr<float>();
    const std::int64_t channels = features.size(1);
    return {{data, data + channels}, {data + channels, data + 2 * channels}};
  }

  static TensorAffine to_tensors(const Affine& affine) {
    const std::int64_t channels = static_cast<std::int64_t>(affine.scale.size());
    return {tensor_of(affine.scale, {channels}), tensor_of(affine.shift, {channels}), tensor_of(affine.mean, {channels})};
  }

  // Frees what no later step reads.
  void release(int index) {
    const Step& done = plan_.steps[index];
    for (const int tensor : {done.input, done.skip}) {
      if (tensor < 0 || !tensors_[tensor].defined()) continue;
      const bool needed = std::any_of(plan_.steps.begin() + index + 1, plan_.steps.end(),
                                      [&](const Step& step) { return step.input == tensor || step.skip == tensor; });
      if (needed) continue;
      live_bytes_ -= tensors_[tensor].nbytes();
      tensors_[tensor] = at::Tensor();
    }
  }

  std::shared_ptr<const Prepared> prepared_;
  const Plan& plan_;
  int threads_;
  std::vector<at::Tensor> tensors_;    // by tensor of the plan; defined while alive
  std::vector<TensorAffine> affines_;  // by AdaIN point
  FrameAdaIN adain_;
  RegionWeights weights_;
  std::map<const RegionWeights::Plane*, at::Tensor> inside_;
  std::uint64_t inside_version_ = 0;
  std::size_t live_bytes_ = 0;
  std::size_t peak_bytes_ = 0;
};

std::unique_ptr<Engine> Prepared::make_engine(int threads) const {
  return std::make_unique<TorchEngine>(shared_from_this(), threads);
}

}  // namespace

std::shared_ptr<const PreparedModel> prepare_torch(const Model& model, Precision precision) {
  return std::make_shared<Prepared>(model, precision);
}

}  // namespace adainstyle
