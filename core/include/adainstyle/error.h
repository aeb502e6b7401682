// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace adainstyle {

// What went wrong, in the terms a caller can act on. The element maps each value to one GStreamer error.
enum class ErrorCode {
  kSettings,        // an option or argument has a value that cannot work
  kNotFound,        // a file does not exist
  kUnreadable,      // a file exists but cannot be read
  kNotAnImage,      // a file was read but is not a picture that can be decoded
  kMalformedModel,  // a model file breaks the format
  kDeviceAbsent,    // the requested device is not on this machine
  kLibrary,         // LibTorch or the core library failed
  kOutOfMemory,     // memory ran out
  kUnwritable,      // a file cannot be written (no permission, disk full)
};

// The one exception the library throws. The message is a whole sentence: what was wrong, where, and what to do.
// Everything is inline so that code which only loads the library at run time can still catch it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace adainstyle
