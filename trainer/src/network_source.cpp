// SPDX-License-Identifier: MIT
#include "network_source.h"

#include <algorithm>
#include <vector>

#include "file_io.h"
#include "json_text.h"
#include "network_presets.h"

namespace adainstyle {
namespace {

constexpr std::size_t kMaxDescriptionBytes = 1 << 20;

}  // namespace

Network network_from_text(const std::string& text, const std::string& source) {
  return network_from_json(parse_json(text, "The network of " + source));
}

Network network_from(const std::string& preset_or_file) {
  const std::vector<std::string> presets = preset_names();
  if (std::find(presets.begin(), presets.end(), preset_or_file) != presets.end()) return preset_network(preset_or_file);
  const std::vector<std::uint8_t> bytes = read_file(preset_or_file, kMaxDescriptionBytes);
  return network_from_text(std::string(bytes.begin(), bytes.end()), preset_or_file);
}

}  // namespace adainstyle
