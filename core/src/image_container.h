// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

namespace adainstyle {

// Whether the bytes are a JPEG, PNG or WebP file whose container goes on beyond their end. gdk-pixbuf's decoders take such files
// without complaint and leave memory nobody wrote to where the picture is missing. False for any other kind of file.
bool is_cut_off(const std::vector<std::uint8_t>& bytes);

}  // namespace adainstyle
