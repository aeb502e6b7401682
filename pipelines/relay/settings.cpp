// SPDX-License-Identifier: MIT
#include "settings.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>

#include <gio/gio.h>
#include <glib.h>

namespace relay {
namespace {

namespace fs = std::filesystem;

constexpr double kMaxSeconds = 24 * 3600;

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

double number(const std::string& text, double least, double most) {
  char* end = nullptr;
  const double value = g_ascii_strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= least && value <= most)) {
    char range[64];
    std::snprintf(range, sizeof range, "%g to %g", least, most);
    refuse("a number from " + std::string(range) + " is needed");
  }
  return value;
}

int whole(const std::string& text, int least, int most) {
  const double value = number(text, least, most);
  if (value != static_cast<int>(value)) refuse("a whole number is needed");
  return static_cast<int>(value);
}

bool truth(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  refuse("true or false is needed");
}

std::string one_of(const std::string& text, const std::vector<std::string>& choices) {
  std::string list;
  for (const std::string& choice : choices) {
    if (text == choice) return text;
    list += (list.empty() ? "" : ", ") + choice;
  }
  refuse("one of " + list + " is needed");
}

// The first line of a file, which keeps a password out of the process list and of the configuration.
std::string secret(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty()) refuse("no password can be read from " + path);
  return line;
}

void set_size(CameraSettings& camera, const std::string& text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string::npos) refuse("WIDTHxHEIGHT is needed, for instance 640x360");
  camera.width = whole(text.substr(0, cross), 16, 8192);
  camera.height = whole(text.substr(cross + 1), 16, 8192);
  if (camera.width % 2 != 0 || camera.height % 2 != 0) refuse("width and height must be even");
}

template <typename Settings>
struct Key {
  const char* name;
  const char* help;
  bool path;  // relative to the file that names it
  std::function<void(Settings&, const std::string&)> set;
};

using Relay = RelaySettings;
using Camera = CameraSettings;
using Text = const std::string&;

const std::vector<Key<Relay>>& relay_table() {
  static const std::vector<Key<Relay>> table = {
      {"address", "Address to serve on (127.0.0.1); one that is not loopback needs a user or insecure-public", false,
       [](Relay& r, Text t) { r.address = t; }},
      {"port", "TCP port to serve on (8554); 0 takes any that is free", false,
       [](Relay& r, Text t) { r.port = whole(t, 0, 65535); }},
      {"user", "Viewers must log in (RTSP digest) as this user", false, [](Relay& r, Text t) { r.user = t; }},
      {"password-file", "File whose first line is the viewers' password", true, [](Relay& r, Text t) { r.password = secret(t); }},
      {"tls-certificate", "Serve rtsps:// with this certificate (PEM)", true, [](Relay& r, Text t) { r.tls_certificate = t; }},
      {"tls-key", "The certificate's private key (PEM), if it is in another file", true, [](Relay& r, Text t) { r.tls_key = t; }},
      {"insecure-public", "true: serve beyond loopback without a password (false)", false,
       [](Relay& r, Text t) { r.insecure_public = truth(t); }},
      {"status", "Answer GET /status (JSON) and /metrics (Prometheus) on HOST:PORT, PORT (of loopback) or unix:PATH", false,
       [](Relay& r, Text t) { r.status = t; }},
      {"health-interval", "Seconds from one health line in the log to the next (60); 0: none", false,
       [](Relay& r, Text t) { r.health_interval = number(t, 0, kMaxSeconds); }},
  };
  return table;
}

const std::vector<Key<Camera>>& camera_table() {
  static const std::vector<Key<Camera>> table = {
      {"location", "The camera's URL, rtsp:// or rtsps://", false, [](Camera& c, Text t) { c.location = t; }},
      {"camera-user", "User to log in at the camera as", false, [](Camera& c, Text t) { c.user = t; }},
      {"camera-password-file", "File whose first line is the camera's password", true,
       [](Camera& c, Text t) { c.password = secret(t); }},
      {"protocol", "tcp, udp or auto: whichever of them the camera offers (tcp)", false,
       [](Camera& c, Text t) {
         c.protocol = one_of(t, {"tcp", "udp", "auto"});
       }},
      {"camera-ca", "Authority (PEM) that signed the camera's certificate", true, [](Camera& c, Text t) { c.tls_ca = t; }},
      {"camera-tls-insecure", "true: accept whatever certificate the camera shows (false)", false,
       [](Camera& c, Text t) { c.tls_insecure = truth(t); }},
      {"latency", "Milliseconds that packets are held to be put in order (100)", false,
       [](Camera& c, Text t) { c.latency = whole(t, 0, 10000); }},
      {"connect-timeout", "Seconds that the first picture may take (10)", false,
       [](Camera& c, Text t) { c.connect_timeout = number(t, 0.1, kMaxSeconds); }},
      {"stall-timeout", "Seconds without a picture after which to connect anew (5)", false,
       [](Camera& c, Text t) { c.stall_timeout = number(t, 0.1, kMaxSeconds); }},
      {"retry-min", "Seconds before the first new attempt (0.5); each wait is twice the last", false,
       [](Camera& c, Text t) { c.retry_min = number(t, 0.05, kMaxSeconds); }},
      {"retry-max", "Seconds that a wait lasts at most (5)", false,
       [](Camera& c, Text t) { c.retry_max = number(t, 0.05, kMaxSeconds); }},
      {"hold", "Seconds that the last picture stands before the slate is shown (10)", false,
       [](Camera& c, Text t) { c.hold = number(t, 0, kMaxSeconds); }},
      {"style", "Style picture; needed", true, [](Camera& c, Text t) { c.style = t; }},
      {"style-size", "Short side in pixels that the style is resized to (512); 0: as it is", false,
       [](Camera& c, Text t) { c.style_size = whole(t, 0, 4096); }},
      {"strength", "How far to go to the style, 0 to 1 (1)", false, [](Camera& c, Text t) { c.strength = number(t, 0, 1); }},
      {"model", "Model file (default: the installed one)", true, [](Camera& c, Text t) { c.model = t; }},
      {"device", "auto, cpu, cuda or cuda:N (auto)", false, [](Camera& c, Text t) { c.device = t; }},
      {"precision", "auto, fp32, bf16 or fp16 (auto)", false,
       [](Camera& c, Text t) {
         c.precision = one_of(t, {"auto", "fp32", "bf16", "fp16"});
       }},
      {"threads", "CPU threads a frame (0: one for each core)", false, [](Camera& c, Text t) { c.threads = whole(t, 0, 1024); }},
      {"size", "WIDTHxHEIGHT to paint and serve (640x360); other shapes get borders", false, set_size},
      {"codec", "What to serve: h264 or mjpeg (h264)", false,
       [](Camera& c, Text t) {
         c.codec = one_of(t, {"h264", "mjpeg"}) == "h264" ? Codec::kH264 : Codec::kMjpeg;
       }},
      {"bitrate", "kbit/s of H.264 (2000)", false, [](Camera& c, Text t) { c.bitrate = whole(t, 10, 1000000); }},
      {"quality", "Quality of MJPEG, 1 to 100 (85)", false, [](Camera& c, Text t) { c.quality = whole(t, 1, 100); }},
      {"publish", "Also push to this rtsp:// URL of a media server; {name} stands for the camera's name", false,
       [](Camera& c, Text t) { c.publish = t; }},
  };
  return table;
}

template <typename Settings>
const Key<Settings>* find_key(const std::vector<Key<Settings>>& table, const std::string& name) {
  for (const auto& key : table) {
    if (name == key.name) return &key;
  }
  return nullptr;
}

template <typename Settings>
void apply(const Key<Settings>& key, Settings& settings, const std::string& value, const fs::path& folder,
           const std::string& where) {
  try {
    // Absolute, since GLib reads certificates from nowhere else.
    key.set(settings, key.path && !value.empty() ? fs::absolute(folder / value).string() : value);
  } catch (const std::runtime_error& error) {
    refuse(where + key.name + "=" + value + ": " + error.what() + ".");
  }
}

struct KeyFileFree {
  void operator()(GKeyFile* file) const { g_key_file_free(file); }
};
using KeyFilePtr = std::unique_ptr<GKeyFile, KeyFileFree>;

struct StringsFree {
  void operator()(gchar** strings) const { g_strfreev(strings); }
};
using Strings = std::unique_ptr<gchar*, StringsFree>;

class File {
 public:
  explicit File(const std::string& path) : path_(path), file_(g_key_file_new()) {
    GError* error = nullptr;
    if (g_key_file_load_from_file(file_.get(), path.c_str(), G_KEY_FILE_NONE, &error)) return;
    const std::string reason = error->message;
    g_error_free(error);
    refuse(path + " cannot be used as configuration: " + reason + ".");
  }

  std::vector<std::string> groups() const {
    const Strings names(g_key_file_get_groups(file_.get(), nullptr));
    std::vector<std::string> result;
    for (gchar** name = names.get(); *name != nullptr; ++name) result.emplace_back(*name);
    return result;
  }

  template <typename Settings>
  void read_group(const std::string& group, const std::vector<Key<Settings>>& table, Settings& settings) const {
    if (!g_key_file_has_group(file_.get(), group.c_str())) return;
    const Strings names(g_key_file_get_keys(file_.get(), group.c_str(), nullptr, nullptr));
    for (gchar** name = names.get(); *name != nullptr; ++name) {
      const std::string where = path_ + ": [" + group + "] ";
      const Key<Settings>* key = find_key(table, *name);
      if (key == nullptr) refuse(where + *name + ": there is no such key.");
      gchar* text = g_key_file_get_string(file_.get(), group.c_str(), *name, nullptr);
      if (text == nullptr) refuse(where + *name + ": the value is not valid text.");
      const std::string value = text;
      g_free(text);
      apply(*key, settings, value, fs::path(path_).parent_path(), where);
    }
  }

 private:
  std::string path_;
  KeyFilePtr file_;
};

bool usable_name(const std::string& name) {
  for (const char c : name) {
    if (!g_ascii_isalnum(c) && c != '-' && c != '_' && c != '.') return false;
  }
  return !name.empty();
}

CameraSettings& camera_called(RelaySettings& settings, const std::string& name, const CameraSettings& defaults) {
  if (!usable_name(name))
    refuse("\"" + name + "\" cannot name a camera: letters, digits, '-', '_' and '.' can, since viewers type it.");
  for (CameraSettings& camera : settings.cameras) {
    if (camera.name == name) return camera;
  }
  settings.cameras.push_back(defaults);
  settings.cameras.back().name = name;
  return settings.cameras.back();
}

void read_file(const std::string& path, RelaySettings& settings, CameraSettings& defaults) {
  const std::string kCamera = "camera ";
  const File file(path);
  file.read_group("relay", relay_table(), settings);
  file.read_group("defaults", camera_table(), defaults);
  for (const std::string& group : file.groups()) {
    if (group == "relay" || group == "defaults") continue;
    if (group.compare(0, kCamera.size(), kCamera) != 0) {
      std::string reason = path;
      reason.append(": there is a group [").append(group).append("]; known are [relay], [defaults] and [camera NAME].");
      refuse(reason);
    }
    file.read_group(group, camera_table(), camera_called(settings, group.substr(kCamera.size()), defaults));
  }
}

bool is_loopback(const std::string& address) {
  GInetAddress* inet = g_inet_address_new_from_string(address.c_str());
  if (inet == nullptr) return address == "localhost";
  const bool loopback = g_inet_address_get_is_loopback(inet);
  g_object_unref(inet);
  return loopback;
}

bool has_scheme(const std::string& url) { return url.rfind("rtsp://", 0) == 0 || url.rfind("rtsps://", 0) == 0; }

void check_camera(CameraSettings& camera) {
  const std::string where = "Camera " + camera.name + ": ";
  if (!has_scheme(camera.location)) refuse(where + "its location must be an rtsp:// or rtsps:// URL.");
  if (camera.style.empty()) refuse(where + "no style picture is named; set style.");
  if (camera.retry_max < camera.retry_min) refuse(where + "retry-max is less than retry-min.");
  if (camera.publish.empty()) return;
  if (!has_scheme(camera.publish)) refuse(where + "publish must be an rtsp:// or rtsps:// URL.");
  const std::string mark = "{name}";
  const std::size_t at = camera.publish.find(mark);
  if (at != std::string::npos) camera.publish.replace(at, mark.size(), camera.name);
}

void check(RelaySettings& settings) {
  if (settings.cameras.empty()) refuse("No camera is named; give --camera NAME=URL or a configuration with a group [camera NAME].");
  for (CameraSettings& camera : settings.cameras) check_camera(camera);
  for (const CameraSettings& a : settings.cameras) {
    for (const CameraSettings& b : settings.cameras) {
      if (&a < &b && !a.publish.empty() && a.publish == b.publish) {
        refuse("Cameras " + a.name + " and " + b.name + " would publish to the same URL; put {name} into it.");
      }
    }
  }
  if (settings.user.empty() != settings.password.empty()) refuse("user and password-file go together; one of them is missing.");
  if (!is_loopback(settings.address) && settings.user.empty() && !settings.insecure_public) {
    refuse("Serving on " + settings.address +
           " lets anybody watch. Set user and password-file, or insecure-public if that is what you want.");
  }
}

template <typename Settings>
std::vector<KeyHelp> help_of(const std::vector<Key<Settings>>& table) {
  std::vector<KeyHelp> keys;
  for (const auto& key : table) keys.push_back({key.name, key.help});
  return keys;
}

}  // namespace

std::vector<KeyHelp> relay_keys() { return help_of(relay_table()); }
std::vector<KeyHelp> camera_keys() { return help_of(camera_table()); }

RelaySettings read_settings(const CommandLine& command_line) {
  RelaySettings settings;
  CameraSettings defaults;
  if (!command_line.config.empty()) read_file(command_line.config, settings, defaults);
  for (const auto& [name, location] : command_line.locations) camera_called(settings, name, defaults).location = location;
  for (const auto& [name, value] : command_line.values) {
    if (const auto* key = find_key(relay_table(), name)) {
      apply(*key, settings, value, {}, "--");
    } else if (const auto* camera_key = find_key(camera_table(), name)) {
      for (CameraSettings& camera : settings.cameras) apply(*camera_key, camera, value, {}, "--");
    }
  }
  check(settings);
  return settings;
}

}  // namespace relay
