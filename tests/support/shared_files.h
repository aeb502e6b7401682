// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

namespace adainstyle::test {

// A path in the folder of weights, checkpoints and pictures that lies beside the repository where the project is developed.
inline std::string shared_path(const std::string& name) {
  const char* folder = std::getenv("ADAINSTYLE_SHARED");
  return std::string(folder != nullptr ? folder : "../shared") + "/" + name;
}

inline bool path_exists(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0;
}

inline bool in_continuous_integration() {
  const char* ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

}  // namespace adainstyle::test

// At the head of a test that reads `name` from that folder: users do not have it, continuous integration must.
#define ADAINSTYLE_NEEDS_SHARED(name)                                                              \
  do {                                                                                             \
    const std::string needed_path = ::adainstyle::test::shared_path(name);                         \
    if (!::adainstyle::test::path_exists(needed_path)) {                                           \
      if (::adainstyle::test::in_continuous_integration()) FAIL() << needed_path << " is missing"; \
      GTEST_SKIP() << needed_path << " is not here; this test needs the development files";        \
    }                                                                                              \
  } while (false)
