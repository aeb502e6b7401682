// SPDX-License-Identifier: MIT
#include "training_loop.h"

#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "adainstyle/error.h"
#include "checkpoint.h"
#include "dataset.h"
#include "loader.h"
#include "loss_network.h"
#include "model_file.h"
#include "network_source.h"
#include "optimizer.h"
#include "parameters.h"
#include "stylize_plain.h"
#include "training_step.h"
#include "validation.h"

namespace adainstyle {
namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stop_signal = 0;
void on_stop_signal(int signal) { stop_signal = signal; }

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<TensorSpec> trainable(const Network& network, bool paper) {
  std::vector<TensorSpec> specs;
  for (const TensorSpec& spec : required_tensors(network)) {
    if (!paper || spec.name.rfind("decoder.", 0) == 0) specs.push_back(spec);
  }
  return specs;
}

// One training from beginning to end.
class Training {
 public:
  Training(const TrainOptions& options, const Network& network, const RunOptions& run);
  void go();

 private:
  CropOptions crops() const { return {options_.resize, options_.crop, options_.crops_per_picture}; }
  void begin();
  void iterate();
  void save();
  void validate_now();
  TensorMap exported_weights() const;
  void export_model();
  void log(const nlohmann::json& entry);

  const TrainOptions options_;
  const Network network_;
  const RunOptions run_;
  TensorCache cache_;
  Dataset content_, style_;
  LossNetwork loss_network_, exact_network_;
  std::map<std::string, TensorData> fixed_;  // the paper's mode: the encoder
  Parameters parameters_;
  Optimizer optimizer_;
  TrainingStep step_;
  Loader loader_;
  std::unique_ptr<Validation> validation_;
  nlohmann::json last_validation_ = nlohmann::json::object();
  TrainState state_;
  std::ofstream log_file_;
  Clock::time_point started_ = Clock::now(), saved_ = Clock::now(), shown_ = Clock::now();
  std::uint64_t shown_iteration_ = 0;
  LossValues sums_;
  double norm_sum_ = 0.0;
};

Training::Training(const TrainOptions& options, const Network& network, const RunOptions& run)
    : options_(options),
      network_(network),
      run_(run),
      cache_(static_cast<std::size_t>(options.cache_mb) << 20),
      content_(options.content, crops(), options.seed, Purpose::kContentOrder, Purpose::kContentCrop, &cache_),
      style_(options.style, crops(), options.seed, Purpose::kStyleOrder, Purpose::kStyleCrop, &cache_),
      loss_network_(LossNetwork::load(options.vgg, options.precision == "bf16" ? at::kBFloat16 : at::kFloat)),
      exact_network_(LossNetwork::load(options.vgg, at::kFloat)),
      parameters_(trainable(network, options.paper())),
      optimizer_(parameters_.master(), options.beta1, options.beta2, options.ema),
      step_(options_, network_, loss_network_, &cache_),
      loader_(&content_, &style_, options.batch_size, 0, 1, run.workers) {
  if (options.paper()) fixed_ = read_safetensors(options.vgg).tensors;
}

void Training::begin() {
  if (run_.resume) {
    state_ = load_checkpoint(run_.checkpoint, parameters_, optimizer_);
  } else {
    if (options_.init.empty()) {
      parameters_.initialise(options_.seed);
    } else {
      parameters_.initialise_from(read_model(options_.init).weights, options_.seed);
    }
    optimizer_.restart_average(parameters_.master());
  }
  if (!run_.log.empty()) {
    std::filesystem::create_directories(run_.log);
    log_file_.open(std::filesystem::path(run_.log) / "log.jsonl", std::ios::app);
  }
  if (!run_.val_content.empty()) {
    validation_ = std::make_unique<Validation>(run_.val_content, run_.val_style, exact_network_, run_.val_size, run_.val_pairs);
  }
  shown_iteration_ = state_.iteration;
}

void Training::log(const nlohmann::json& entry) {
  if (log_file_.is_open()) log_file_ << entry.dump() << std::endl;
}

TensorMap Training::exported_weights() const {
  TensorMap weights = to_tensors(fixed_);
  for (auto& [name, tensor] : parameters_.unpack(const_cast<Optimizer&>(optimizer_).average(), at::kFloat)) weights[name] = tensor;
  return weights;
}

void Training::export_model() {
  Model model;
  model.network = network_;
  model.weights = from_tensors(exported_weights());
  model.training = options_;
  model.training["iterations_done"] = state_.iteration;
  for (const char* folder : {"content", "style", "vgg", "init"}) {
    model.training[folder] = std::filesystem::path(model.training[folder].get<std::string>()).filename().string();
  }
  model.validation = last_validation_;
  write_model(run_.output, model, DataType::kF32);
}

void Training::save() {
  save_checkpoint(run_.checkpoint, options_, network_, state_, parameters_, optimizer_);
  export_model();
  saved_ = Clock::now();
}

void Training::validate_now() {
  if (!validation_) return;
  const TensorMap weights = exported_weights();
  const Measurement measurement = validation_->run(stylize_with(network_, weights));
  last_validation_ = to_json(measurement);
  nlohmann::json entry = last_validation_;
  entry["iteration"] = state_.iteration;
  entry["kind"] = "validation";
  log(entry);
  std::fprintf(stderr, "%llu  validation: Ls %.3f  Lt %.3f  Lin %.3f  static gain %.2f\n",
               static_cast<unsigned long long>(state_.iteration), measurement.mean.style, measurement.mean.target,
               measurement.mean.content, measurement.static_gain);
  if (!run_.log.empty()) {
    write_png((std::filesystem::path(run_.log) / ("grid-" + std::to_string(state_.iteration) + ".png")).string(),
              validation_->grid(stylize_with(network_, weights), 8));
  }
}

void Training::iterate() {
  const Batch batch = loader_.get(state_.iteration);
  at::Tensor gradient;
  const LossValues values = step_.run(batch, state_.iteration, 0, 1, parameters_, &gradient);
  const double rate = learning_rate(options_, state_.iteration) * state_.rate_scale;
  norm_sum_ += optimizer_.step(parameters_.master(), gradient, rate, options_.clip);
  ++state_.iteration;
  if (state_.iteration == static_cast<std::uint64_t>(options_.autoencoder_iterations))
    optimizer_.restart_average(parameters_.master());
  for (const auto& [name, value] : values) sums_[name] += value;

  const std::uint64_t since = state_.iteration - shown_iteration_;
  if (since >= static_cast<std::uint64_t>(run_.log_every)) {
    const double seconds = seconds_since(shown_);
    nlohmann::json entry = {{"kind", "train"},
                            {"iteration", state_.iteration},
                            {"lr", rate},
                            {"seconds_per_iteration", seconds / since},
                            {"gradient_norm", norm_sum_ / since}};
    std::string line;
    for (const auto& [name, sum] : sums_) {
      entry[name] = sum / since;
      char text[64];
      std::snprintf(text, sizeof text, "  %s %.4f", name.c_str(), sum / since);
      line += text;
    }
    log(entry);
    std::fprintf(stderr, "%llu/%llu%s  norm %.1f  lr %.2e  %.2f s/it\n", static_cast<unsigned long long>(state_.iteration),
                 static_cast<unsigned long long>(total_iterations(options_)), line.c_str(), norm_sum_ / since, rate,
                 seconds / since);
    sums_.clear();
    norm_sum_ = 0.0;
    shown_ = Clock::now();
    shown_iteration_ = state_.iteration;
  }
}

void Training::go() {
  begin();
  const std::uint64_t end = total_iterations(options_);
  const std::uint64_t first = state_.iteration;
  if (first == 0) validate_now();
  save();
  while (state_.iteration < end && stop_signal == 0) {
    if (run_.stop_after > 0 && state_.iteration - first >= static_cast<std::uint64_t>(run_.stop_after)) break;
    iterate();
    if (state_.iteration % run_.val_every == 0 || state_.iteration == end) validate_now();
    if (seconds_since(saved_) > 60.0 * run_.checkpoint_minutes) save();
  }
  save();
}

}  // namespace

void train(TrainOptions options, const RunOptions& given) {
  RunOptions run = given;
  if (run.checkpoint.empty())
    run.checkpoint = std::filesystem::path(run.output).replace_extension(".checkpoint.safetensors").string();
  Network network;
  if (run.resume) {
    const CheckpointHeader header = read_checkpoint_header(run.checkpoint);
    options = header.options;
    network = header.network;
  } else {
    network = network_from(options.network);
  }
  validate(options);
  if (run.threads > 0) at::set_num_threads(run.threads);
  std::signal(SIGTERM, on_stop_signal);
  std::signal(SIGINT, on_stop_signal);
  Training(options, network, run).go();
}

}  // namespace adainstyle
