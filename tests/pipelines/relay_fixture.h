// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "processes.h"
#include "viewer.h"

namespace adainstyle::test {

// The relay as a user starts it, between real RTSP cameras and real viewers. Small pictures, short waits.
class RelayTest : public ::testing::Test {
 protected:
  static std::string style() { return environment("ADAINSTYLE_STYLE_DIR") + "/mosaic.jpg"; }

  static std::vector<std::string> options(const std::string& url, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"--camera",    "door=" + url, "--style",         style(), "--style-size", "128",
                                      "--size",      "320x180",     "--stall-timeout", "1.5",   "--retry-min",  "0.2",
                                      "--retry-max", "1",           "--hold",          "2"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  // The relay goes on, and nobody noticed anything but pictures.
  static void expect_calm(const Viewer& viewer) { EXPECT_EQ(viewer.trouble(), ""); }

  const TemporaryFolder folder_;
};

}  // namespace adainstyle::test
