// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

#include "camera.h"

namespace relay {

// What the program's own process uses.
struct ProcessUse {
  long memory_bytes = 0;  // resident
  long threads = 0;
  long open_files = 0;
};

struct RelayStatus {
  double uptime = 0;  // seconds
  ProcessUse process;
  std::vector<CameraStatus> cameras;
  std::map<std::string, unsigned> viewers;  // by camera
};

ProcessUse process_use();

// One JSON object with a list "cameras".
std::string status_as_json(const RelayStatus& status);

// Prometheus' text format, version 0.0.4.
std::string status_as_prometheus(const RelayStatus& status);

// One line for the log.
std::string health_line(const CameraStatus& camera, unsigned viewers);

}  // namespace relay
