// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "train_options.h"

namespace adainstyle {

// What a run does besides training; may differ when a training is resumed.
struct RunOptions {
  std::string output;      // model to write
  std::string checkpoint;  // empty: the output with .checkpoint.safetensors
  bool resume = false;
  double checkpoint_minutes = 10.0;
  std::string log;                     // folder of the JSONL log, the event files and the validation grids; empty: none
  int log_every = 20;                  // iterations
  std::string val_content, val_style;  // folders; empty: no validation
  int val_every = 500;                 // iterations
  int val_size = 256;                  // pixels
  int val_pairs = 32;
  std::string device = "auto";  // training_device()
  int threads = 0;              // 0: one a core
  int workers = 1;              // decoding threads
  int timeout = 300;            // seconds to wait for another process
};

// Trains to the end, or to SIGTERM or SIGINT; writes the checkpoint and the model. Throws Error.
void train(TrainOptions options, const RunOptions& run);

}  // namespace adainstyle
