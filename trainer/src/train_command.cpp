// SPDX-License-Identifier: MIT
#include <memory>

#include <CLI/CLI.hpp>

#include "commands.h"
#include "device.h"
#include "training_loop.h"

namespace adainstyle {
namespace {

void add_data_options(CLI::App* app, TrainOptions* o) {
  app->add_option("--content", o->content, "Folder of photographs, read recursively")->type_name("DIR");
  app->add_option("--style", o->style, "Folder of style pictures, read recursively")->type_name("DIR");
  app->add_option("--vgg", o->vgg, "VGG-19 up to conv4_1, safetensors: the network of the losses")->type_name("FILE");
  app->add_option("--resize", o->resize, "Short side that pictures are resized to, pixels")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--crop", o->crop, "Side of the square crop, pixels, a multiple of 8")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option(
         "--crops-per-picture", o->crops_per_picture,
         "Fixed crops of each picture, every second mirrored, whose features are computed once; 0: a random crop each time")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--batch-size", o->batch_size, "Pictures of an iteration (in each process)")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--seed", o->seed, "Seed of every random choice")->capture_default_str();
  app->add_option("--cache", o->cache_mb, "Memory for decoded pictures and kept features, MiB")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_loss_options(CLI::App* app, TrainOptions* o) {
  app->add_option("--style-loss", o->style_loss, "stats: mean and deviation (the paper); gram: Gram matrices (Gatys)")
      ->check(CLI::IsMember({"stats", "gram"}))
      ->capture_default_str();
  app->add_option("--content-weight", o->content_weight, "Distance to the AdaIN target at relu4_1")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--style-weight", o->style_weight, "Distance of the style statistics, mean over channels")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--identity-weight", o->identity_weight, "L1 to the content where the style is the content")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--range-weight", o->range_weight, "Output outside [0, 1]")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->add_option("--noise-weight", o->noise_weight, "Output change per input noise (static gain)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--temporal-weight", o->temporal_weight, "Output of a warped frame against the warped output")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--tv-weight", o->tv_weight, "Total variation")->check(CLI::NonNegativeNumber)->capture_default_str();
}

void add_optimiser_options(CLI::App* app, TrainOptions* o) {
  app->add_option("--iterations", o->iterations, "Iterations after the warm start")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--autoencoder-iterations", o->autoencoder_iterations, "Warm start as an autoencoder, iterations (joint mode)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--autoencoder-lr", o->autoencoder_lr, "Learning rate of the warm start")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--optimizer", o->optimizer, "adam; muon: convolutions by Muon, biases by Adam, one learning rate for both")
      ->check(CLI::IsMember({"adam", "muon"}))
      ->capture_default_str();
  app->add_option("--lr", o->lr, "Learning rate")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--schedule", o->schedule,
                  "cosine to --final-lr; inverse: lr / (1 + lr-decay * iteration), the paper's; constant")
      ->check(CLI::IsMember({"cosine", "inverse", "constant"}))
      ->capture_default_str();
  app->add_option("--final-lr", o->final_lr, "Where the cosine ends")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->add_option("--lr-decay", o->lr_decay, "Of the inverse schedule, per iteration")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--warmup", o->warmup, "Iterations of linear warm-up")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->add_option("--beta1", o->beta1, "Decay of Adam's mean of the gradient")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  app->add_option("--beta2", o->beta2, "Decay of Adam's mean of its square")
      ->check(CLI::Range(0.0, 0.999999))
      ->capture_default_str();
  app->add_option("--clip", o->clip, "Largest norm of the gradient")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--ema", o->ema, "Decay of the average of the weights that is exported")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--precision", o->precision, "Of activations; weights are fp32")
      ->check(CLI::IsMember({"bf16", "fp32"}))
      ->capture_default_str();
}

void add_run_options(CLI::App* app, RunOptions* r) {
  app->add_option("--output", r->output, "Model file to write")->required()->type_name("MODEL");
  app->add_option("--checkpoint", r->checkpoint, "Checkpoint file; default: beside the model")->type_name("FILE");
  app->add_flag("--resume", r->resume, "Go on from the checkpoint, with its options; only folders and --vgg may be named anew");
  app->add_option("--checkpoint-minutes", r->checkpoint_minutes, "Time between checkpoints, minutes; 0: after each iteration")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app->add_option("--log", r->log, "Folder for the JSONL log, TensorBoard events and validation grids")->type_name("DIR");
  app->add_option("--log-every", r->log_every, "Iterations between log entries, whose figures are means over them")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--val-content", r->val_content, "Held-out photographs; the i-th is measured with the i-th style")
      ->type_name("DIR");
  app->add_option("--val-style", r->val_style, "Held-out styles")->type_name("DIR");
  app->add_option("--val-every", r->val_every, "Iterations between validations")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--val-pairs", r->val_pairs, "Pairs that are measured")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--device", r->device, kDeviceHelp)->capture_default_str();
  app->add_option("--threads", r->threads, "CPU threads; 0: one a core")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->add_option("--timeout", r->timeout, "How long to wait for another process (torchrun), seconds")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app->add_option("--workers", r->workers, "Threads that decode pictures")->check(CLI::PositiveNumber)->capture_default_str();
}

}  // namespace

Command add_train_command(CLI::App* app) {
  auto options = std::make_shared<TrainOptions>();
  auto run = std::make_shared<RunOptions>();
  app->add_option("--mode", options->mode,
                  "joint: encoder and decoder from scratch; paper: VGG-19 is the encoder, the decoder is trained")
      ->check(CLI::IsMember({"joint", "paper"}))
      ->capture_default_str();
  app->add_option("--network", options->network, "Preset (small, wide, vgg19) or JSON file with the list of operations")
      ->capture_default_str();
  app->add_option("--decoder-norm", options->decoder_norm, "Normalisation in the decoder (an ablation; only none can be exported)")
      ->check(CLI::IsMember({"none", "batch", "instance"}))
      ->capture_default_str();
  app->add_option("--init", options->init, "Model to begin with, of the same or a narrower network")->type_name("MODEL");
  add_data_options(app, options.get());
  add_loss_options(app, options.get());
  add_optimiser_options(app, options.get());
  add_run_options(app, run.get());
  return [options, run] { train(*options, *run); };
}

}  // namespace adainstyle
