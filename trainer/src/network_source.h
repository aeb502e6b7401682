// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "network.h"

namespace adainstyle {

// The network a person named: one of preset_names() or a JSON file with the list of operations. Throws Error.
Network network_from(const std::string& preset_or_file);

// A network from JSON text; `source` names it in errors.
Network network_from_text(const std::string& text, const std::string& source);

}  // namespace adainstyle
