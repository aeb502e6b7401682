// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "status.h"

struct MHD_Daemon;

namespace relay {

// Answers GET /status with JSON and GET /metrics with Prometheus' text, on a thread of its own.
class StatusServer {
 public:
  // address: HOST:PORT with a numeric host, PORT (on 127.0.0.1; 0: any that is free) or unix:PATH.
  // status: called on the server's thread. Throws std::runtime_error where the address cannot be used.
  StatusServer(const std::string& address, std::function<RelayStatus()> status);
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  // Where it answers: http://HOST:PORT or unix:PATH.
  const std::string& url() const { return url_; }

  // The text for a path, or "" where there is none. `type` becomes its media type.
  std::string answer(const std::string& path, std::string& type) const;

 private:
  const std::function<RelayStatus()> status_;
  std::string url_;
  std::string unix_path_;  // empty: TCP
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace relay
