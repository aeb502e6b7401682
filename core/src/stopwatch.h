// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace adainstyle {

// Hands out the time since it was made or last asked.
class Stopwatch {
 public:
  void add_to(double& milliseconds) {
    const auto now = std::chrono::steady_clock::now();
    milliseconds += std::chrono::duration<double, std::milli>(now - last_).count();
    last_ = now;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace adainstyle
