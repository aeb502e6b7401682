// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/frames.h"

namespace adainstyle::test {

constexpr std::int64_t kFrameNs = 40'000'000;  // of all clips, whatever their own rate

// The first frames of a video, at most `limit`. Throws std::runtime_error.
std::vector<Frame> read_clip(const std::string& path, int limit);

// What is left of frames behind a camera's encoder: H.264 without delay, kbit/s.
std::vector<Frame> coded(const std::vector<Frame>& frames, int bitrate);

}  // namespace adainstyle::test
