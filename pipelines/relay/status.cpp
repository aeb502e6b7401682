// SPDX-License-Identifier: MIT
#include "status.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include <unistd.h>
#include <nlohmann/json.hpp>

namespace relay {
namespace {

unsigned viewers_of(const RelayStatus& status, const std::string& camera) {
  const auto found = status.viewers.find(camera);
  return found != status.viewers.end() ? found->second : 0;
}

struct Metric {
  const char* name;
  const char* type;
  const char* help;
  std::function<double(const CameraStatus&)> value;
};

const std::vector<Metric>& metrics() {
  using C = const CameraStatus&;
  static const std::vector<Metric> table = {
      {"connected", "gauge", "1 while the camera sends pictures", [](C c) { return c.connected; }},
      {"painting", "gauge", "1 while they are painted", [](C c) { return c.painting; }},
      {"publishing", "gauge", "1 while they are pushed to a media server", [](C c) { return c.publishing; }},
      {"frames_per_second", "gauge", "Painted frames a second", [](C c) { return c.fps; }},
      {"delay_seconds", "gauge", "From decoded to encoded, mean of the last seconds", [](C c) { return c.delay_ms / 1000; }},
      {"delay_worst_seconds", "gauge", "From decoded to encoded, worst of the last seconds",
       [](C c) { return c.delay_worst_ms / 1000; }},
      {"frames_decoded_total", "counter", "Frames that the camera sent", [](C c) { return static_cast<double>(c.decoded); }},
      {"frames_painted_total", "counter", "Frames painted", [](C c) { return static_cast<double>(c.painted); }},
      {"frames_dropped_total", "counter", "Frames decoded but not painted", [](C c) { return static_cast<double>(c.dropped); }},
      {"frames_repeated_total", "counter", "Frames served again for want of a new one",
       [](C c) { return static_cast<double>(c.repeated); }},
      {"restarts_total", "counter", "New connections to the camera", [](C c) { return c.restarts; }},
      {"painter_restarts_total", "counter", "New starts of the painting", [](C c) { return c.painter_restarts; }},
      {"publish_restarts_total", "counter", "New connections to the media server", [](C c) { return c.publish_restarts; }},
  };
  return table;
}

void write_family(std::ostream& out, const std::string& name, const char* type, const char* help) {
  out << "# HELP " << name << ' ' << help << "\n# TYPE " << name << ' ' << type << '\n';
}

}  // namespace

ProcessUse process_use() {
  ProcessUse use;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    long value = 0;
    if (std::sscanf(line.c_str(), "VmRSS: %ld kB", &value) == 1) use.memory_bytes = value * 1024;
    if (std::sscanf(line.c_str(), "Threads: %ld", &value) == 1) use.threads = value;
  }
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (!error) use.open_files = std::distance(begin(files), end(files)) - 1;  // less the iterator's own
  return use;
}

std::string status_as_json(const RelayStatus& status) {
  nlohmann::json cameras = nlohmann::json::array();
  for (const CameraStatus& camera : status.cameras) {
    cameras.push_back({{"name", camera.name},
                       {"connected", camera.connected},
                       {"painting", camera.painting},
                       {"publishing", camera.publishing},
                       {"viewers", viewers_of(status, camera.name)},
                       {"fps", camera.fps},
                       {"delay_ms", camera.delay_ms},
                       {"delay_worst_ms", camera.delay_worst_ms},
                       {"decoded", camera.decoded},
                       {"painted", camera.painted},
                       {"dropped", camera.dropped},
                       {"repeated", camera.repeated},
                       {"restarts", camera.restarts},
                       {"painter_restarts", camera.painter_restarts},
                       {"publish_restarts", camera.publish_restarts},
                       {"last_error", without_credentials(camera.last_error)}});
  }
  const nlohmann::json document = {{"uptime_s", status.uptime},
                                   {"memory_bytes", status.process.memory_bytes},
                                   {"threads", status.process.threads},
                                   {"open_files", status.process.open_files},
                                   {"cameras", cameras}};
  // Messages of libraries need not be UTF-8.
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// Names of cameras need no escapes: Settings lets through none that would.
std::string status_as_prometheus(const RelayStatus& status) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(15);
  const std::string prefix = "adainstyle_relay_";
  for (const Metric& metric : metrics()) {
    write_family(out, prefix + metric.name, metric.type, metric.help);
    for (const CameraStatus& camera : status.cameras) {
      out << prefix << metric.name << "{camera=\"" << camera.name << "\"} " << metric.value(camera) << '\n';
    }
  }
  write_family(out, prefix + "viewers", "gauge", "Viewers that play");
  for (const CameraStatus& camera : status.cameras) {
    out << prefix << "viewers{camera=\"" << camera.name << "\"} " << viewers_of(status, camera.name) << '\n';
  }
  write_family(out, prefix + "memory_bytes", "gauge", "Resident memory");
  out << prefix << "memory_bytes " << status.process.memory_bytes << '\n';
  write_family(out, prefix + "threads", "gauge", "Threads");
  out << prefix << "threads " << status.process.threads << '\n';
  write_family(out, prefix + "open_files", "gauge", "Open file handles");
  out << prefix << "open_files " << status.process.open_files << '\n';
  return out.str();
}

std::string health_line(const CameraStatus& camera, unsigned viewers) {
  char line[320];
  std::snprintf(line, sizeof line,
                "health: %s, %.1f frames a second, delay %.0f ms (worst %.0f), %llu painted, %llu dropped, %u restarts, %u viewers",
                camera.painting    ? "playing"
                : camera.connected ? "connected, not painting"
                                   : "no camera",
                camera.fps, camera.delay_ms, camera.delay_worst_ms, static_cast<unsigned long long>(camera.painted),
                static_cast<unsigned long long>(camera.dropped), camera.restarts, viewers);
  return line;
}

}  // namespace relay
