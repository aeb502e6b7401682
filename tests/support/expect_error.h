// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "adainstyle/error.h"

namespace adainstyle::test {

// Runs `action`, which must throw Error(code) with a message that holds every one of `parts`.
template <typename Action>
void expect_error(ErrorCode code, const std::vector<std::string>& parts, Action action) {
  try {
    action();
    ADD_FAILURE() << "expected an error, found none";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    for (const std::string& part : parts) {
      EXPECT_NE(message.find(part), std::string::npos) << "expected \"" << part << "\" in: " << message;
    }
  }
}

}  // namespace adainstyle::test
