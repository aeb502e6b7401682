// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "plain_network.h"

namespace adainstyle {

// plain_decode() with a normalisation ("none", "batch" or "instance", without scale and shift, over the batch at hand) between
// each hidden convolution and its ReLU: the ablation of Huang & Belongie 2017, figure 6. Only for training; a model file has
// no such layer.
at::Tensor decode_with_norm(const Network& network, const TensorMap& weights, const at::Tensor& features,
                            const std::vector<ChannelStatistics>& style, const std::string& norm);

}  // namespace adainstyle
