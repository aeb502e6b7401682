// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace adainstyle {

// Arrays and objects nested deeper than this are refused: copying and printing a json value recurse.
constexpr int kMaxJsonDepth = 32;

// Parses JSON that comes from a file nobody vouches for. Beyond what the library checks (syntax, UTF-8, numbers that fit), refuses
// deep nesting and an object that names a key twice. `what` names the text in errors. Throws Error(kMalformedModel).
nlohmann::json parse_json(std::string_view text, const std::string& what);

// Text from a file made fit for an error message: in double quotes, control characters as \xNN, cut after 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace adainstyle
