// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "network.h"
#include "optimizer.h"
#include "parameters.h"
#include "train_options.h"

namespace adainstyle {

// Note [The checkpoint]
// A safetensors file of float32 vectors "weights", "average", "adam.first" and "adam.second" (Parameters' order), whose metadata
// holds the options, the network and TrainState as JSON. There is no random state to keep (random.h). Same state, same bytes.

// Where a training stands.
struct TrainState {
  std::uint64_t iteration = 0;  // iterations done, the warm start included
  double rate_scale = 1.0;      // what the divergence guard has left of the learning rate
  double typical_loss = 0.0;    // running mean of the total loss; 0: none yet
  int explosive = 0;            // iterations in a row whose loss was far above that
  int rollbacks = 0;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TrainState, iteration, rate_scale, typical_loss, explosive, rollbacks);

// The options and the network of a checkpoint, read before anything is built.
struct CheckpointHeader {
  TrainOptions options;
  Network network;
};

CheckpointHeader read_checkpoint_header(const std::string& path);

// Writes atomically. Throws Error(kUnwritable); the previous file is then still there.
void save_checkpoint(const std::string& path, const TrainOptions& options, const Network& network, const TrainState& state,
                     const Parameters& parameters, Optimizer& optimizer);

// Throws Error where the file is not a checkpoint of these parameters.
TrainState load_checkpoint(const std::string& path, Parameters& parameters, Optimizer& optimizer);

}  // namespace adainstyle
