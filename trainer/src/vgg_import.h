// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "safetensors.h"

namespace adainstyle {

using Weights = std::map<std::string, TensorData>;

// The encoder of the public AdaIN scripts (vgg_normalised.pth, an nn.Sequential: 0, 2, 5, 9, 12, 16, 19, 22, 25, 29 are conv0,
// conv1_1 ... conv4_1; later layers are left out) under the names of the preset vgg19. Throws Error(kMalformedModel).
Weights encoder_from_sequential(const Weights& tensors, const std::string& source);

// Their decoder (decoder.pth: 1, 5, 8, 11, 14, 18, 21, 25, 28 are conv4_1 ... conv1_1 of the mirror).
Weights decoder_from_sequential(const Weights& tensors, const std::string& source);

// torchvision's VGG-19 (features.0, 2, 5, 7, 10, 12, 14, 16, 19 are conv1_1 ... conv4_1); its normalisation of the input, mean
// (0.485, 0.456, 0.406) and deviation (0.229, 0.224, 0.225), becomes conv0.
Weights encoder_from_torchvision(const Weights& tensors, const std::string& source);

// Scales every channel so that its mean activation over the pictures of `folder` (at most `max_pictures`, at 256 pixels) is 1,
// and the next layer's inputs by the inverse, so that only the features' units change (Gatys et al. 2016, section 2.3).
void normalise_activations(Weights* encoder, const std::string& source, const std::string& folder, std::size_t max_pictures);

}  // namespace adainstyle
