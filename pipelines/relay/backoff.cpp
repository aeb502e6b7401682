// SPDX-License-Identifier: MIT
#include "backoff.h"

#include <algorithm>
#include <functional>

namespace relay {

Backoff::Backoff(double shortest, double longest, const std::string& name)
    : shortest_(shortest),
      longest_(std::max(shortest, longest)),
      wait_(shortest),
      random_(static_cast<std::minstd_rand::result_type>(std::hash<std::string>()(name))) {}

double Backoff::next() {
  const double wait = wait_;
  wait_ = std::min(2 * wait_, longest_);
  return wait * std::uniform_real_distribution<double>(0.8, 1.0)(random_);
}

}  // namespace relay
