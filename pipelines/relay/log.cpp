// SPDX-License-Identifier: MIT
#include "log.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <regex>

namespace relay {
namespace {

std::string now_text() {
  GDateTime* now = g_date_time_new_now_utc();
  char* text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
  char stamp[64];
  std::snprintf(stamp, sizeof stamp, "%s.%03dZ", text, g_date_time_get_microsecond(now) / 1000);
  g_free(text);
  g_date_time_unref(now);
  return stamp;
}

void write_line(const char* level, const std::string& name, const char* format, va_list arguments) {
  char* text = g_strdup_vprintf(format, arguments);
  std::string line = now_text() + " " + level + " [" + name + "] " + without_credentials(text);
  g_free(text);
  // One event is one line, whatever a library's message holds.
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

std::string without_credentials(const std::string& text) {
  static const std::regex credentials("://[^/@\\s]*@");
  return std::regex_replace(text, credentials, "://***@");
}

void Log::error(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  write_line("ERROR  ", name_, format, arguments);
  va_end(arguments);
}

void Log::warning(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  write_line("WARNING", name_, format, arguments);
  va_end(arguments);
}

void Log::info(const char* format, ...) const {
  va_list arguments;
  va_start(arguments, format);
  write_line("INFO   ", name_, format, arguments);
  va_end(arguments);
}

}  // namespace relay
