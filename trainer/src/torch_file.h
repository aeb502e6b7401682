// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "safetensors.h"

namespace adainstyle {

// The tensors of a .pth file as torch.save writes it: since PyTorch 1.6 a zip archive with a pickled state dict and a raw record for
// each storage, before that (vgg_normalised.pth and decoder.pth as they are published) pickles with the storages behind them. The
// pickles are read by a restricted reader (unpickler.h); sizes, offsets and strides are checked against the storages. Throws Error(kNotFound), Error(kUnreadable) or Error(kMalformedModel).
std::map<std::string, TensorData> read_torch_file(const std::string& path);

}  // namespace adainstyle
