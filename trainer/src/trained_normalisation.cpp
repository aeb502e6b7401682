// SPDX-License-Identifier: MIT
#include "trained_normalisation.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include "feature_kernels.h"

namespace adainstyle {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

at::Tensor channels_last(const at::Tensor& tensor, at::ScalarType dtype) {
  return tensor.to(dtype).contiguous(at::MemoryFormat::ChannelsLast);
}

double pixels(const at::Tensor& features) { return static_cast<double>(features.size(2) * features.size(3)); }

// m = mean x, s = sqrt(var x + eps): dm / dx = 1 / HW, ds / dx = (x - m) / (HW s).
struct Statistics : Function<Statistics> {
  static variable_list forward(AutogradContext* context, const at::Tensor& features, double eps) {
    const at::Tensor x = features.contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor mean, std;
    feature_statistics(x, static_cast<float>(eps), &mean, &std);
    context->save_for_backward({x, mean, std});
    return {mean, std};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradient) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &mean = saved[1], &std = saved[2];
    const at::Tensor slope = gradient[1] / std / pixels(x);
    const at::Tensor offset = gradient[0] / pixels(x) - slope * mean;
    return {affine(x, slope.contiguous(), offset.contiguous()), at::Tensor()};
  }
};

// y = (x - m) / s * style_std + style_mean. With n = (x - m) / s and g the gradient at y:
//   d style_mean = sum g,  d style_std = sum g n,  dx = style_std / s * (g - mean g - n mean(g n)).
struct AdaIN : Function<AdaIN> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& features, const at::Tensor& style_mean,
                            const at::Tensor& style_std, double eps) {
    const at::Tensor x = features.contiguous(at::MemoryFormat::ChannelsLast);
    at::Tensor mean, std;
    feature_statistics(x, static_cast<float>(eps), &mean, &std);
    const at::Tensor slope = (style_std / std).contiguous();
    context->save_for_backward({x, mean, std, slope});
    return affine(x, slope, (style_mean - slope * mean).contiguous());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradient) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &mean = saved[1], &std = saved[2], &slope = saved[3];
    const at::Tensor g = channels_last(gradient[0], x.scalar_type());
    const at::Tensor sums = channel_sums(g, x).to(at::kDouble);
    const at::Tensor of_mean = sums.select(1, 0);
    const at::Tensor of_std = (sums.select(1, 1) - of_mean * mean) / std;
    const at::Tensor slope_x = slope * of_std / std / -pixels(x);
    const at::Tensor offset = slope * of_mean / -pixels(x) - slope_x * mean;
    const auto narrow = [](const at::Tensor& tensor) { return tensor.to(at::kFloat).contiguous(); };
    return {affine(g, slope, narrow(offset), x, narrow(slope_x)), narrow(of_mean), narrow(of_std), at::Tensor()};
  }
};

}  // namespace

ChannelStatistics trained_statistics(const at::Tensor& features, float eps) {
  const variable_list statistics = Statistics::apply(features, static_cast<double>(eps));
  return {statistics[0], statistics[1]};
}

at::Tensor trained_adain(const at::Tensor& features, const ChannelStatistics& style, float eps) {
  return AdaIN::apply(features, style.mean, style.std, static_cast<double>(eps));
}

}  // namespace adainstyle
