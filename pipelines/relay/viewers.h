// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gst/rtsp-server/rtsp-server.h>

#include "log.h"
#include "settings.h"
#include "supervisor.h"

namespace relay {

class Camera;

// The RTSP server: every camera at /NAME, encoded once for all its viewers. Runs on the default main context.
class Viewers {
 public:
  // Throws std::runtime_error where the address, the port or the certificate cannot be used.
  explicit Viewers(const RelaySettings& settings);
  ~Viewers();
  Viewers(const Viewers&) = delete;
  Viewers& operator=(const Viewers&) = delete;

  // The camera must outlive this object.
  void add(Camera& camera);

  // What a viewer types, without the camera's name: rtsp://ADDRESS:PORT/
  std::string base_url() const;

  // Viewers that play, by camera. Any thread.
  std::map<std::string, unsigned> count() const;

 private:
  struct ObjectUnref {
    void operator()(gpointer object) const { g_object_unref(object); }
  };

  void protect(const RelaySettings& settings);

  const Log log_{"relay"};
  const std::string scheme_;
  std::unique_ptr<GstRTSPServer, ObjectUnref> server_;
  guint source_ = 0;
  SourcePtr cleaner_;
};

}  // namespace relay
