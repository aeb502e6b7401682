// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/temporary_folder.h"

namespace adainstyle::test {

// The value of an environment variable, "" where it is not set.
std::string environment(const char* name);

// A program that runs beside the test, killed with it. Its standard error goes to a file.
class Process {
 public:
  Process(const std::vector<std::string>& words, const std::string& log_path);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;

  // Waits up to `seconds`. Exit status, 128 and the signal's number if one ended it, -1 if it still runs.
  int wait(double seconds);

  // The next line of its standard output.
  std::string read_line() const;

  // What it has written on standard error.
  std::string log() const;

  pid_t pid() const { return pid_; }

 private:
  std::string log_path_;
  int output_ = -1;
  pid_t pid_ = -1;
};

// Calls `condition` every 50 ms until it holds. Returns false if it does not within `seconds`.
template <typename Condition>
bool eventually(double seconds, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

// An RTSP camera, or with "--record" a media server, at /live. Killed by the destructor.
class Camera {
 public:
  // port: 0 takes any that is free. extra: test-camera's options.
  Camera(const TemporaryFolder& folder, int port, const std::string& launch, const std::vector<std::string>& extra = {});

  int port() const { return port_; }
  std::string url(const std::string& scheme = "rtsp") const;
  Process& process() { return process_; }

 private:
  Process process_;
  int port_;
};

// Launch lines of cameras: a moving ball, `rate` frames a second.
std::string h264_camera(int width, int height, int rate = 25);
std::string h265_camera(int width, int height, int rate = 25);
std::string mjpeg_camera(int width, int height, int rate = 25);

// The relay, as a user starts it, on any free port.
class Relay {
 public:
  Relay(const TemporaryFolder& folder, std::vector<std::string> options);

  // rtsp://127.0.0.1:PORT/NAME, once it serves; "" if it does not within ten seconds.
  std::string url(const std::string& camera = "door") const;

  // The status document, null if it does not answer.
  nlohmann::json status() const;
  nlohmann::json camera(const std::string& name = "door") const;

  // The text that the status socket answers for a path, with HTTP's head.
  std::string get(const std::string& path) const;

  // Waits until a camera is painted.
  bool paints(double seconds, const std::string& name = "door") const;

  Process& process() { return process_; }
  std::string log() const { return process_.log(); }

 private:
  std::string socket_;
  Process process_;
};

// An ephemeral port that nothing listens on.
int free_port();

}  // namespace adainstyle::test
