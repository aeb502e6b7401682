// SPDX-License-Identifier: MIT
#pragma once

#include <random>
#include <string>

namespace relay {

// How long to wait before the next attempt: `shortest` seconds, then twice as long each time up to `longest`. Each wait is
// shortened at random by up to a fifth, so that cameras that went down together do not all come back at the same moment.
class Backoff {
 public:
  // name: seeds the random part.
  Backoff(double shortest, double longest, const std::string& name);

  double next();

  // The last attempt was a success.
  void reset() { wait_ = shortest_; }

 private:
  double shortest_;
  double longest_;
  double wait_;
  std::minstd_rand random_;
};

}  // namespace relay
