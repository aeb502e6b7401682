// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include <glib.h>

namespace relay {

// Writes lines on standard error: stamp (UTC), level, the camera's name (or the program's), text. A line is written in one piece,
// whatever the threads do, and credentials inside of URLs are left out.
class Log {
 public:
  explicit Log(std::string name) : name_(std::move(name)) {}

  void error(const char* format, ...) const G_GNUC_PRINTF(2, 3);
  void warning(const char* format, ...) const G_GNUC_PRINTF(2, 3);
  void info(const char* format, ...) const G_GNUC_PRINTF(2, 3);

 private:
  std::string name_;
};

// The text with what stands between "://" and "@" of each URL replaced by three asterisks.
std::string without_credentials(const std::string& text);

}  // namespace relay
