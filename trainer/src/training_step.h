// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "loader.h"
#include "loss_network.h"
#include "parameters.h"
#include "tensor_cache.h"
#include "train_options.h"

namespace adainstyle {

// Note [The losses]
// phi_i are the features of the loss network at relu1_1, relu2_1, relu3_1, relu4_1; mu and sigma their channel statistics; every
// MSE is a mean over all elements, as in the public training script (naoto0804/pytorch-AdaIN), whose weights 1 and 10 are the
// defaults here. Huang & Belongie 2017, section 5:
//   content   MSE(phi_4(out), t), t = AdaIN(phi_4(content), phi_4(style))                                    (eq. 12)
//   style     sum over i of MSE(mu_i(out), mu_i(style)) + MSE(sigma_i(out), sigma_i(style))                  (eq. 13)
// or, with --style-loss gram, sum over i of MSE(G_i(out), G_i(style)), G = F F^T / (C H W) (Gatys et al. 2016, eq. 3-5, with
// Johnson et al.'s normalisation).
// The picture that the loss network sees is clamped to [0, 1], as the model's output will be.
//   identity  mean |net(content, style = content) - content| (pixel term of Park & Lee 2019 and MCCNet)
//   range     mean of what lies outside [0, 1]
//   noise     rms of the output's change / rms of the input's for gaussian noise of deviation 2/255 on the content: the static gain
//             that `evaluate` reports. (MCCNet, Deng et al. 2021, takes the square; single flat pictures have a gain ten times the
//             mean, and squared they would be all that the term sees.)
//   temporal  mean |W(net(content)) - net(W(content))| for a smooth random flow W (ReReVST, Wang et al. 2020)
//   tv        mean |horizontal differences| + mean |vertical differences| of the output
// The noise and the temporal term are computed for every second sample.

// The losses of one iteration, each a mean over the batch and without its weight, and their weighted sum "total".
using LossValues = std::map<std::string, double>;

// The same while they lie on the device and are perhaps still being computed: asking a GPU for every value by itself would leave it
// without work each time.
class LossTerms {
 public:
  void add(const char* name, double weight, const at::Tensor& value);  // float32, one value, without its graph
  LossValues read() const;

 private:
  std::vector<const char*> names_;
  std::vector<double> weights_;
  std::vector<at::Tensor> values_;
};

// Computes the losses of one batch and their gradient.
class TrainingStep {
 public:
  // Everything passed must outlive this object. The work is done on the loss network's device.
  TrainingStep(const TrainOptions& options, const Network& network, const LossNetwork& loss_network, TensorCache* cache);

  // part, parts: which samples of the iteration the batch holds (Loader). The gradient, float32 [P], is that of the mean over
  // this batch.
  LossValues run(const Batch& batch, std::uint64_t iteration, int part, int parts, const Parameters& parameters,
                 at::Tensor* gradient);

 private:
  struct Targets {
    LossFeatures style;                    // statistics [N, C]; in the paper's mode and with Gram matrices also what those need
    at::Tensor content;                    // relu4_1 of the content, [N, 512, h, w]
    at::Tensor content_mean, content_std;  // its statistics [N, 512]
    std::vector<at::Tensor> gram;          // of the style at each tap, [N, C, C]; empty for the statistics' loss
  };
  struct Forward {
    at::Tensor stylised;  // [N, 3, H, W], dtype of activations, with its graph
    at::Tensor other;     // weighted sum of the losses that need no loss network; undefined: none
  };

  Targets targets(const Batch& batch);
  // What the losses need of pictures [N, 3, H, W] in [0, 1]: tensors whose first dimension is N.
  using FeaturesOf = TensorCache::Value (TrainingStep::*)(const at::Tensor& pictures) const;
  TensorCache::Value content_features(const at::Tensor& pictures) const;
  TensorCache::Value style_features(const at::Tensor& pictures) const;
  TensorCache::Value of_crops(const std::vector<CropChoice>& choices, Purpose purpose, const at::Tensor& pictures,
                              FeaturesOf features_of);
  Forward autoencode(const TensorMap& weights, const at::Tensor& content, LossTerms* terms);
  Forward joint(const TensorMap& weights, const at::Tensor& content, const Batch& batch, std::uint64_t first_sample,
                LossTerms* terms);
  Forward paper(const TensorMap& weights, const at::Tensor& content, const Targets& targets, LossTerms* terms);
  at::Tensor perceptual_gradient(const at::Tensor& picture, const Targets& targets, LossTerms* terms);
  void add_picture_terms(const at::Tensor& picture, LossTerms* terms, at::Tensor* sum);

  const TrainOptions& options_;
  const Network& network_;
  const LossNetwork& loss_network_;
  TensorCache* cache_;
  at::Device device_;
  at::ScalarType dtype_;
};

}  // namespace adainstyle
