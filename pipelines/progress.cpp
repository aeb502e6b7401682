// SPDX-License-Identifier: MIT
#include "progress.h"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace {

constexpr std::chrono::milliseconds kTerminalInterval{200};
constexpr std::chrono::seconds kLogInterval{5};

bool on_terminal() { return isatty(STDERR_FILENO) == 1; }

}  // namespace

void Progress::frame_done(std::int64_t position_ns) {
  const auto now = Clock::now();
  if (frames_ == 0) first_frame_ = now;
  last_frame_ = now;
  position_ns_ = std::max<std::int64_t>(position_ns_, position_ns);
  ++frames_;
}

double Progress::seconds() const { return std::chrono::duration<double>(last_frame_.load() - first_frame_.load()).count(); }

double Progress::frames_a_second() const {
  // The first frame starts the clock, so it is not among those counted.
  const double elapsed = seconds();
  return frames_ > 1 && elapsed > 0 ? static_cast<double>(frames_ - 1) / elapsed : 0.0;
}

void Progress::show(std::int64_t duration_ns) {
  const auto now = Clock::now();
  const bool terminal = on_terminal();
  if (frames_ < 2 || now - last_shown_ < (terminal ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval))) return;
  last_shown_ = now;
  const char* start = terminal ? "\r\033[K" : "";
  const char* end = terminal ? "" : "\n";
  const auto frames = static_cast<long long>(frames_);
  if (duration_ns > 0 && position_ns_ > 0) {
    const double done = std::min(1.0, static_cast<double>(position_ns_) / static_cast<double>(duration_ns));
    const double left = seconds() * (1.0 - done) / std::max(done, 1e-6);
    std::fprintf(stderr, "%s  %3.0f %%  %lld frames, %.1f frames a second, %.0f s left%s", start, 100 * done, frames,
                 frames_a_second(), left, end);
  } else {
    std::fprintf(stderr, "%s  %lld frames, %.1f frames a second%s", start, frames, frames_a_second(), end);
  }
  std::fflush(stderr);
}

void Progress::clear() const {
  if (on_terminal()) std::fputs("\r\033[K", stderr);
}
