// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

namespace adainstyle {

// Everything that decides how a training goes. Kept in checkpoints, so that a resumed run is the same run.
struct TrainOptions {
  // What is trained.
  std::string mode = "joint";         // "joint": encoder and decoder; "paper": the decoder alone, the encoder is the loss network
  std::string network = "small";      // preset or JSON file
  std::string decoder_norm = "none";  // normalisation after each hidden convolution of the decoder: none, batch, instance
  std::string init;                   // model whose weights to begin with; empty: random

  // Data.
  std::string content, style;  // folders
  std::string vgg;             // weights of the loss network
  int resize = 256;            // short side, pixels
  int crop = 192;              // pixels
  int crops_per_picture = 2;   // 0: random
  int batch_size = 4;          // pictures of an iteration in each process
  std::uint64_t seed = 1;
  int cache_mb = 4096;  // memory for decoded pictures and kept features

  // Losses (training_step.h has the formulas).
  std::string style_loss = "stats";  // or "gram"
  double content_weight = 1.0;
  double style_weight = 10.0;
  double identity_weight = 0.0;
  double range_weight = 0.1;
  double noise_weight = 0.0;
  double temporal_weight = 0.0;
  double tv_weight = 0.0;

  // Optimisation.
  int iterations = 8000;           // after the warm start
  int autoencoder_iterations = 0;  // warm start
  double autoencoder_lr = 1e-3;
  double lr = 1e-3;
  std::string schedule = "cosine";  // or "inverse" or "constant"
  double final_lr = 1e-5;           // cosine
  double lr_decay = 5e-5;           // inverse: lr / (1 + lr_decay * iteration)
  int warmup = 100;                 // iterations of linear warm-up
  std::string optimizer = "adam";   // or "muon" (optimizer.h)
  double beta1 = 0.9, beta2 = 0.99;
  double clip = 10.0;  // largest gradient norm
  double ema = 0.999;
  std::string precision = "bf16";  // of activations: "bf16" or "fp32"

  bool paper() const { return mode == "paper"; }
};

// Options that an older checkpoint does not name have their defaults, which is what that training had.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TrainOptions, mode, network, decoder_norm, init, content, style, vgg, resize, crop,
                                                crops_per_picture, batch_size, seed, cache_mb, style_loss, content_weight,
                                                style_weight, identity_weight, range_weight, noise_weight, temporal_weight,
                                                tv_weight, iterations, autoencoder_iterations, autoencoder_lr, lr, schedule,
                                                final_lr, lr_decay, warmup, optimizer, beta1, beta2, clip, ema, precision)

// The learning rate of an iteration (counted from 0 and including the warm start).
double learning_rate(const TrainOptions& options, std::uint64_t iteration);

// Iterations in all.
std::uint64_t total_iterations(const TrainOptions& options);

// Throws Error(kSettings) for values that cannot work together.
void validate(const TrainOptions& options);

}  // namespace adainstyle
