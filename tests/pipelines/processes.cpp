// SPDX-License-Identifier: MIT
#include "processes.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

extern char** environ;

namespace adainstyle::test {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

Process::Process(const std::vector<std::string>& words, const std::string& log_path) : log_path_(log_path) {
  std::vector<std::string> copy = words;
  std::vector<char*> argv;
  for (std::string& word : copy) argv.push_back(word.data());
  argv.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int error = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  output_ = ends[0];
  if (error != 0) throw std::runtime_error(words[0] + " cannot be started: " + std::strerror(error));
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(output_);
}

void Process::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

int Process::wait(double seconds) {
  int result = -1;
  eventually(seconds, [&] {
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return pid_ <= 0;
    result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = -1;
    return true;
  });
  return result;
}

std::string Process::read_line() const {
  std::string line;
  for (char c = 0; read(output_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string Process::log() const {
  std::ifstream file(log_path_);
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

std::vector<std::string> camera_command(int port, const std::string& launch, const std::vector<std::string>& extra) {
  std::vector<std::string> words = {environment("ADAINSTYLE_TEST_CAMERA"), std::to_string(port), launch};
  words.insert(words.end(), extra.begin(), extra.end());
  return words;
}

std::vector<std::string> relay_command(std::vector<std::string> options, const std::string& socket) {
  options.insert(options.begin(), environment("ADAINSTYLE_RTSP_RELAY"));
  options.insert(options.end(), {"--port", "0", "--status", "unix:" + socket});
  return options;
}

std::string source(int width, int height, int rate) {
  return "( videotestsrc is-live=true pattern=ball ! capsfilter name=size caps=video/x-raw,format=I420,width=" +
         std::to_string(width) + ",height=" + std::to_string(height) + ",framerate=" + std::to_string(rate) + "/1 ! ";
}

}  // namespace

Camera::Camera(const TemporaryFolder& folder, int port, const std::string& launch, const std::vector<std::string>& extra)
    : process_(camera_command(port, launch, extra), folder.path("camera.log")), port_(std::atoi(process_.read_line().c_str())) {}

std::string Camera::url(const std::string& scheme) const { return scheme + "://127.0.0.1:" + std::to_string(port_) + "/live"; }

std::string h264_camera(int width, int height, int rate) {
  return source(width, height, rate) +
         "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay name=pay0 config-interval=-1 )";
}

std::string h265_camera(int width, int height, int rate) {
  return source(width, height, rate) +
         "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay name=pay0 config-interval=-1 )";
}

std::string mjpeg_camera(int width, int height, int rate) {
  return source(width, height, rate) + "jpegenc ! rtpjpegpay name=pay0 )";
}

Relay::Relay(const TemporaryFolder& folder, std::vector<std::string> options)
    : socket_(folder.path("status")), process_(relay_command(std::move(options), socket_), folder.path("relay.log")) {}

std::string Relay::url(const std::string& camera) const {
  std::string found;
  eventually(10, [&] {
    const std::string text = log();
    const std::string tail = "/" + camera + "\n";
    const std::size_t end = text.find(tail);
    const std::size_t start = text.rfind("rtsp", end);
    if (end == std::string::npos || start == std::string::npos) return false;
    found = text.substr(start, end + tail.size() - 1 - start);
    return true;
  });
  return found;
}

std::string Relay::get(const std::string& path) const {
  const int handle = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_.c_str(), sizeof address.sun_path - 1);
  std::string answer;
  if (connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    char block[4096];
    if (send(handle, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      for (ssize_t n = 0; (n = recv(handle, block, sizeof block, 0)) > 0;) answer.append(block, static_cast<std::size_t>(n));
    }
  }
  close(handle);
  return answer;
}

nlohmann::json Relay::status() const {
  const std::string answer = get("/status");
  const std::size_t head = answer.find("\r\n\r\n");
  return head == std::string::npos ? nlohmann::json() : nlohmann::json::parse(answer.substr(head + 4));
}

nlohmann::json Relay::camera(const std::string& name) const {
  const nlohmann::json document = status();
  if (document.is_null()) return document;
  for (const nlohmann::json& camera : document["cameras"]) {
    if (camera["name"] == name) return camera;
  }
  return nullptr;
}

bool Relay::paints(double seconds, const std::string& name) const {
  return eventually(seconds, [&] {
    const nlohmann::json now = camera(name);
    return !now.is_null() && now["painting"] == true;
  });
}

int free_port() {
  const int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(handle, reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("no free port");
  getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size);
  close(handle);
  return ntohs(address.sin_port);
}

}  // namespace adainstyle::test
