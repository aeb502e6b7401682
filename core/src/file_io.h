// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace adainstyle {

// Reads a whole regular file of at most `max_bytes`. Throws Error(kNotFound) where there is none and Error(kUnreadable) where it
// is a folder, a pipe or a device, may not be read or is larger.
std::vector<std::uint8_t> read_file(const std::string& path, std::size_t max_bytes);

// Writes `bytes` under a temporary name in the same folder, flushes to disk and renames: the old file or the new one is there,
// never a part. Throws Error(kUnwritable) and removes the temporary file.
void write_file_atomically(const std::string& path, const std::vector<std::uint8_t>& bytes);

}  // namespace adainstyle
