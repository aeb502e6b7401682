// SPDX-License-Identifier: MIT
#include "training_loop.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "adainstyle/error.h"
#include "checkpoint.h"
#include "dataset.h"
#include "device.h"
#include "divergence.h"
#include "loader.h"
#include "loss_network.h"
#include "model_file.h"
#include "network_source.h"
#include "optimizer.h"
#include "parameters.h"
#include "processes.h"
#include "stylize_plain.h"
#include "training_log.h"
#include "training_step.h"
#include "validation.h"

namespace adainstyle {
namespace {

using Clock = std::chrono::steady_clock;

// What follows a divergence.
constexpr double kRollbackRate = 0.5;
constexpr int kMaxRollbacks = 10;

constexpr std::size_t kGridRows = 8;

volatile std::sig_atomic_t stop_signal = 0;
extern "C" void on_stop_signal(int signal) { stop_signal = signal; }

// In the paper's mode the encoder is the loss network and stays as it is.
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
  bool exportable() const { return options_.decoder_norm == "none"; }
  void begin();
  void share_state();
  bool iterate();
  void roll_back(double loss);
  void save();
  void validate_now();
  TensorMap averaged_weights();
  void export_model();

  const TrainOptions options_;
  const Network network_;
  const RunOptions run_;
  const at::Device device_;
  Processes processes_;
  TensorCache cache_;
  Dataset content_, style_;
  const LossNetwork loss_network_;
  std::map<std::string, TensorData> fixed_;  // the paper's mode: the encoder
  Parameters parameters_;
  Optimizer optimizer_;
  TrainingStep step_;
  Loader loader_;
  std::unique_ptr<LossNetwork> exact_network_;  // float32, for validation
  std::unique_ptr<Validation> validation_;
  nlohmann::json last_validation_ = nlohmann::json::object();
  std::unique_ptr<TrainingLog> log_;
  TrainState state_;
  Clock::time_point saved_ = Clock::now();
};

Training::Training(const TrainOptions& options, const Network& network, const RunOptions& run)
    : options_(options),
      network_(network),
      run_(run),
      device_(training_device(run.device)),
      processes_(std::chrono::seconds(run.timeout), device_),
      cache_(static_cast<std::size_t>(options.cache_mb) << 20),
      content_(options.content, crops(), options.seed, Purpose::kContentOrder, Purpose::kContentCrop, &cache_),
      style_(options.style, crops(), options.seed, Purpose::kStyleOrder, Purpose::kStyleCrop, &cache_),
      loss_network_(LossNetwork::load(options.vgg, options.precision == "bf16" ? at::kBFloat16 : at::kFloat, device_)),
      parameters_(trainable(network, options.paper()), device_),
      optimizer_(parameters_.master(), options.beta1, options.beta2, options.ema,
                 options.optimizer == "muon" ? parameters_.matrices() : std::vector<MatrixView>()),
      step_(options_, network_, loss_network_, &cache_),
      loader_(&content_, &style_, options.batch_size, processes_.rank(), processes_.size(), run.workers,
              options.noise_weight > 0.0 ? std::optional(options.seed) : std::nullopt) {
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
  share_state();
  // What cannot be written is found out now and not after an hour.
  save();
  const int pictures = options_.batch_size * processes_.size();
  if (!processes_.first()) return;
  log_ = std::make_unique<TrainingLog>(run_.log, run_.log_every, state_.iteration, total_iterations(options_), pictures);
  log_->message("Training on " + device_.str() + ".");
  if (run_.val_content.empty()) return;
  if (!exportable()) {
    log_->message("No validation: it measures the model that is exported, and only --decoder-norm none is.");
    return;
  }
  exact_network_ = std::make_unique<LossNetwork>(LossNetwork::load(options_.vgg, at::kFloat, device_));
  validation_ = std::make_unique<Validation>(run_.val_content, run_.val_style, *exact_network_, run_.val_size, run_.val_pairs);
  if (state_.iteration == 0) validate_now();
}

void Training::share_state() {
  const at::NoGradGuard no_grad;
  at::Tensor master = parameters_.master().detach();
  for (at::Tensor* vector : {&master, &optimizer_.average(), &optimizer_.first_moment(), &optimizer_.second_moment()}) {
    processes_.broadcast(vector);
  }
}

TensorMap Training::averaged_weights() {
  TensorMap weights = to_tensors(fixed_, device_);
  for (auto& [name, tensor] : parameters_.unpack(optimizer_.average(), at::kFloat)) weights[name] = tensor;
  return weights;
}

void Training::export_model() {
  Model model;
  model.network = network_;
  model.weights = from_tensors(averaged_weights());
  model.training = options_;
  model.training["iterations_done"] = state_.iteration;
  model.training["pictures_per_iteration"] = options_.batch_size * processes_.size();
  // Where the pictures lay says nothing to others and may name people.
  for (const char* path : {"content", "style", "vgg", "init"}) {
    model.training[path] = std::filesystem::path(model.training[path].get<std::string>()).filename().string();
  }
  model.validation = last_validation_;
  write_model(run_.output, model, DataType::kF32);
}

void Training::save() {
  saved_ = Clock::now();
  if (!processes_.first()) return;
  save_checkpoint(run_.checkpoint, options_, network_, state_, parameters_, optimizer_);
  if (exportable()) export_model();
}

void Training::validate_now() {
  if (!validation_) return;
  const TensorMap weights = averaged_weights();
  const Stylize stylize = stylize_with(network_, weights);
  const Measurement measurement = validation_->run(stylize);
  last_validation_ = to_json(measurement);
  log_->validation(state_.iteration, measurement, validation_->grid(stylize, kGridRows));
}

void Training::roll_back(double loss) {
  const TrainState last = load_checkpoint(run_.checkpoint, parameters_, optimizer_);
  const double rate_scale = state_.rate_scale * kRollbackRate;
  const int rollbacks = state_.rollbacks + 1;
  if (rollbacks > kMaxRollbacks) {
    throw Error(ErrorCode::kLibrary, "The training diverged " + std::to_string(rollbacks) + " times (the last loss was " +
                                         std::to_string(loss) +
                                         "); begin again with a lower --lr. The checkpoint is the last good one.");
  }
  if (log_) {
    log_->message("Loss " + std::to_string(loss) + " after iteration " + std::to_string(state_.iteration) +
                  ": back to the checkpoint of iteration " + std::to_string(last.iteration) + ", learning rate times " +
                  std::to_string(rate_scale) + ".");
  }
  if (log_) log_->go_back_to(last.iteration);
  state_ = last;
  state_.rate_scale = rate_scale;
  state_.rollbacks = rollbacks;
  share_state();
}

// One iteration; false where some process has been asked to stop.
bool Training::iterate() {
  const Batch batch = loader_.get(state_.iteration);
  at::Tensor gradient;
  LossValues losses = step_.run(batch, state_.iteration, processes_.rank(), processes_.size(), parameters_, &gradient);
  // All processes decide alike: what they decide on travels with the gradient.
  const at::Tensor decisive = at::full({2}, losses["total"], at::kFloat);
  decisive[1] = stop_signal != 0 ? 1.0 : 0.0;
  at::Tensor message = at::cat({gradient, decisive.to(device_)});
  processes_.average(&message);
  const std::int64_t count = gradient.numel();
  const double loss = message[count].item<double>();
  const bool stop = message[count + 1].item<double>() > 0.0;
  if (diverged(loss, &state_)) {
    roll_back(loss);
    return !stop;
  }
  const double rate = learning_rate(options_, state_.iteration) * state_.rate_scale;
  const double norm = optimizer_.step(parameters_.master(), message.narrow(0, 0, count), rate, options_.clip);
  ++state_.iteration;
  if (state_.iteration == static_cast<std::uint64_t>(options_.autoencoder_iterations)) {
    optimizer_.restart_average(parameters_.master());
    state_.typical_loss = 0.0;
  }
  if (log_) log_->iteration(state_.iteration, losses, norm, rate);
  return !stop;
}

void Training::go() {
  begin();
  const std::uint64_t end = total_iterations(options_);
  bool running = true;
  while (running && state_.iteration < end) {
    running = iterate();
    if (state_.iteration % run_.val_every == 0 || state_.iteration == end) validate_now();
    const bool due = std::chrono::duration<double>(Clock::now() - saved_).count() >= 60.0 * run_.checkpoint_minutes;
    if (due && state_.explosive == 0) save();  // what a rollback goes back to must be good
  }
  save();
  const std::size_t skipped = content_.skipped() + style_.skipped();
  if (log_ && skipped > 0) log_->message(std::to_string(skipped) + " files could not be decoded and were skipped.");
  if (log_ && !running) log_->message("Stopped after iteration " + std::to_string(state_.iteration) + "; go on with --resume.");
}

// Says which of the options given are not those that the checkpoint goes on with.
void warn_of_other_options(const TrainOptions& given, const TrainOptions& resumed) {
  const nlohmann::json defaults = TrainOptions{}, of_checkpoint = resumed, on_command_line = given;
  for (const auto& [name, value] : on_command_line.items()) {
    if (value == defaults[name] || value == of_checkpoint[name]) continue;
    std::fprintf(stderr, "The resumed training keeps its %s, %s, and not %s.\n", name.c_str(), of_checkpoint[name].dump().c_str(),
                 value.dump().c_str());
  }
}

}  // namespace

void train(TrainOptions options, const RunOptions& given) {
  RunOptions run = given;
  if (run.checkpoint.empty())
    run.checkpoint = std::filesystem::path(run.output).replace_extension(".checkpoint.safetensors").string();
  Network network;
  if (run.resume) {
    const CheckpointHeader header = read_checkpoint_header(run.checkpoint);
    // A training may go on elsewhere: where its files lie is not part of it.
    const TrainOptions now = options;
    options = header.options;
    for (auto [path, given_path] :
         {std::pair(&options.content, now.content), {&options.style, now.style}, {&options.vgg, now.vgg}}) {
      if (!given_path.empty()) *path = given_path;
    }
    warn_of_other_options(now, options);
    network = header.network;
  } else {
    network = network_from(options.network);
  }
  validate(options);
  if (run.val_content.empty() != run.val_style.empty()) {
    throw Error(ErrorCode::kSettings, "--val-content and --val-style go together.");
  }
  if (run.threads > 0) at::set_num_threads(run.threads);
  std::signal(SIGTERM, on_stop_signal);
  std::signal(SIGINT, on_stop_signal);
  Training(options, network, run).go();
}

}  // namespace adainstyle
