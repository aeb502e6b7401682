// SPDX-License-Identifier: MIT
#pragma once

#include "plain_network.h"

namespace adainstyle {

// The statistics and AdaIN of the network in training: the same values as plain_network's, differentiable once, in one pass over the
// features each where ATen makes eight, most of them through float32 copies (Note [Hand-written passes of the loss network]).
// Features: float32 or bfloat16, channels-last. The style's statistics are [N, C].
ChannelStatistics trained_statistics(const at::Tensor& features, float eps);
at::Tensor trained_adain(const at::Tensor& features, const ChannelStatistics& style, float eps);

}  // namespace adainstyle
