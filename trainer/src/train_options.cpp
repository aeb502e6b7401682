// SPDX-License-Identifier: MIT
#include "train_options.h"

#include <algorithm>
#include <cmath>

#include "adainstyle/error.h"

namespace adainstyle {

std::uint64_t total_iterations(const TrainOptions& options) {
  return static_cast<std::uint64_t>(options.autoencoder_iterations) + static_cast<std::uint64_t>(options.iterations);
}

double learning_rate(const TrainOptions& options, std::uint64_t iteration) {
  constexpr double kPi = 3.14159265358979323846;
  const auto start = static_cast<std::uint64_t>(options.autoencoder_iterations);
  if (iteration < start) return options.autoencoder_lr * std::min(1.0, (iteration + 1.0) / std::max(1, options.warmup));
  const double n = static_cast<double>(iteration - start);
  const double warm = std::min(1.0, (n + 1.0) / std::max(1, options.warmup));
  if (options.schedule == "inverse") return warm * options.lr / (1.0 + options.lr_decay * n);
  if (options.schedule == "constant") return warm * options.lr;
  const double done = std::min(1.0, n / std::max(1, options.iterations));
  return warm * (options.final_lr + (options.lr - options.final_lr) * 0.5 * (1.0 + std::cos(kPi * done)));
}

void validate(const TrainOptions& options) {
  const auto require = [](bool holds, const std::string& message) {
    if (!holds) throw Error(ErrorCode::kSettings, message);
  };
  require(!options.content.empty() && !options.style.empty() && !options.vgg.empty(),
          "A training needs --content, --style and --vgg.");
  require(options.crop % 8 == 0 && options.crop >= 32,
          "--crop " + std::to_string(options.crop) + " does not work: the crop's side must be a multiple of 8 and at least 32.");
  require(options.batch_size >= 1 && options.iterations >= 0 && options.autoencoder_iterations >= 0 &&
              options.crops_per_picture >= 0 && options.cache_mb >= 0 && options.resize >= 0,
          "Batch size, iterations, crops, cache and sizes must not be negative, and a batch holds at least one picture.");
  require(options.decoder_norm == "none" || options.paper(),
          "--decoder-norm is an ablation of the paper's mode; add --mode paper.");
  require(!options.paper() || (options.noise_weight == 0.0 && options.temporal_weight == 0.0),
          "In the paper's mode the encoder is fixed and its features are kept: --noise-weight and --temporal-weight must be 0.");
}

}  // namespace adainstyle
