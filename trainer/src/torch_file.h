// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "safetensors.h"

namespace adainstyle {

// The tensors of a .pth file as torch.save has written it since PyTorch 1.6: a zip archive with a pickled state dict and a raw
// record for each storage. The pickle is read by a restricted reader (unpickler.h); sizes, offsets and strides are checked against
// the records. Throws Error(kNotFound), Error(kUnreadable) or Error(kMalformedModel).
std::map<std::string, TensorData> read_torch_file(const std::string& path);

}  // namespace adainstyle
