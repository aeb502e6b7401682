// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <vector>

namespace relay {

enum class Codec { kH264, kMjpeg };

// One camera: where it is, how it is painted, how it is served. Times are in seconds.
struct CameraSettings {
  std::string name;

  std::string location;  // rtsp:// or rtsps://
  std::string user;      // empty: none
  std::string password;
  std::string protocol = "tcp";  // "tcp", "udp" or "auto" (UDP, then TCP)
  std::string tls_ca;            // PEM of the authority that signed the camera's certificate; empty: the system's
  bool tls_insecure = false;     // accept any certificate
  int latency = 100;             // milliseconds that packets are held to be put in order
  double connect_timeout = 10;   // from the attempt to the first picture
  double stall_timeout = 5;      // from one picture to the next
  double retry_min = 0.5;
  double retry_max = 5;
  double hold = 10;  // how long the last picture stands before the slate takes its place

  std::string style;
  int style_size = 512;  // pixels
  double strength = 1;
  std::string model;  // empty: the installed one
  std::string device = "auto";
  std::string precision = "auto";
  int threads = 0;

  int width = 640;
  int height = 360;
  Codec codec = Codec::kH264;
  int bitrate = 2000;   // kbit/s, H.264
  int quality = 85;     // MJPEG
  std::string publish;  // rtsp:// of a media server, {name} stands for the camera's name; empty: none
};

struct RelaySettings {
  std::string address = "127.0.0.1";
  int port = 8554;  // 0: any that is free
  std::string user;
  std::string password;
  std::string tls_certificate;  // PEM; empty: no TLS
  std::string tls_key;          // PEM; empty: it lies in the certificate's file
  bool insecure_public = false;
  std::string status;           // HOST:PORT, unix:PATH or empty: none
  double health_interval = 60;  // seconds; 0: no health lines
  std::vector<CameraSettings> cameras;
};

// What the command line says: the file's keys, by name, and cameras. It wins over the file.
struct CommandLine {
  std::string config;                            // path; empty: none
  std::map<std::string, std::string> values;     // key -> value
  std::map<std::string, std::string> locations;  // camera -> location
};

struct KeyHelp {
  std::string key;
  std::string help;
};

// Every key of the file with its help, in the order to show them. Each is an option of the command line as well.
std::vector<KeyHelp> relay_keys();
std::vector<KeyHelp> camera_keys();

// Reads the file, if there is one, and the command line over it. Throws std::runtime_error with the file, the group, the key and
// what is wrong with its value.
//
// The file is a GLib key file: [relay] for the server, [defaults] for all cameras, [camera NAME] for one. Paths in it are
// relative to its folder.
RelaySettings read_settings(const CommandLine& command_line);

}  // namespace relay
