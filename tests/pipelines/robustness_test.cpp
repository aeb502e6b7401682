// SPDX-License-Identifier: MIT
//
// What viewers, networks, files and signals may do to the relay.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <random>

#include "relay_fixture.h"

namespace adainstyle {
namespace {

using test::Camera;
using test::h264_camera;
using test::mjpeg_camera;
using test::Process;
using test::Relay;
using test::RelayTest;
using test::Viewer;

int port_of(const std::string& url) { return std::atoi(url.c_str() + url.rfind(':') + 1); }

// A TCP connection that says `text` and no more.
class Connection {
 public:
  Connection(int port, const std::string& text) : handle_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    connected_ = connect(handle_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (connected_ && !text.empty()) connected_ = send(handle_, text.data(), text.size(), MSG_NOSIGNAL) > 0;
  }
  ~Connection() { close(handle_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }

  // The other side has closed it.
  bool closed() const {
    char c = 0;
    return recv(handle_, &c, 1, MSG_DONTWAIT) == 0;
  }

 private:
  int handle_;
  bool connected_ = false;
};

// A port where connections are accepted by the kernel and nobody ever answers.
class SilentPort {
 public:
  SilentPort() : handle_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(handle_, reinterpret_cast<sockaddr*>(&address), size);
    listen(handle_, 16);
    getsockname(handle_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { close(handle_); }
  SilentPort(const SilentPort&) = delete;
  SilentPort& operator=(const SilentPort&) = delete;
  std::string url() const { return "rtsp://127.0.0.1:" + std::to_string(port_) + "/live"; }

  // Waits for a connection; below 0 after shut().
  int next() const { return accept4(handle_, nullptr, nullptr, SOCK_CLOEXEC); }
  void shut() const { shutdown(handle_, SHUT_RDWR); }

 private:
  int handle_;
  int port_ = 0;
};

// A camera that answers all requests of the handshake and closes the connection where the pictures should begin.
class FaintingCamera {
 public:
  FaintingCamera() : thread_([this] { serve(); }) {}
  ~FaintingCamera() {
    port_.shut();
    thread_.join();
  }
  FaintingCamera(const FaintingCamera&) = delete;
  FaintingCamera& operator=(const FaintingCamera&) = delete;
  std::string url() const { return port_.url(); }

 private:
  void serve() {
    for (int handle = 0; (handle = port_.next()) >= 0; close(handle)) {
      while (answer(handle)) {
      }
    }
  }

  // Returns whether to wait for another request.
  static bool answer(int handle) {
    std::string request;
    for (char c = 0; request.find("\r\n\r\n") == std::string::npos; request += c) {
      if (recv(handle, &c, 1, 0) != 1) return false;
    }
    const std::string sdp = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:stream\r\n";
    const std::size_t number = request.find("CSeq: ");
    std::string response = "RTSP/1.0 200 OK\r\n" + request.substr(number, request.find("\r\n", number) - number) + "\r\n";
    if (request.rfind("OPTIONS", 0) == 0) response += "Public: DESCRIBE, SETUP, PLAY\r\n";
    if (request.rfind("SETUP", 0) == 0) response += "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    if (request.rfind("DESCRIBE", 0) == 0) {
      response += "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
    } else {
      response += "\r\n";
    }
    send(handle, response.data(), response.size(), MSG_NOSIGNAL);
    return request.rfind("PLAY", 0) != 0;
  }

  SilentPort port_;
  std::thread thread_;  // last: it uses port_
};

TEST_F(RelayTest, ViewersJoinAndLeave) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer steady(relay.url());
  ASSERT_TRUE(steady.gets(10, 15)) << relay.log();
  std::minstd_rand random(3);
  std::unique_ptr<Viewer> others[4];
  for (int i = 0; i < 24; ++i) {
    auto& other = others[random() % 4];
    if (other) {
      other.reset();
    } else {
      other = std::make_unique<Viewer>(relay.url(), random() % 2 == 0 ? "protocols=tcp" : "protocols=udp");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
  }
  for (auto& other : others) other.reset();
  EXPECT_TRUE(steady.gets_more(25, 10)) << relay.log();
  const Viewer late(relay.url());
  EXPECT_TRUE(late.gets(10, 15)) << relay.log();
  EXPECT_TRUE(test::eventually(10, [&] { return relay.camera()["viewers"] == 2; })) << relay.status().dump();
  EXPECT_EQ(relay.camera()["restarts"], 0);
  expect_calm(steady);
}

TEST_F(RelayTest, AViewerThatStopsReadingHoldsUpNobody) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url(), {"--bitrate", "20000"}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  const Process frozen({"gst-launch-1.0", "rtspsrc", "location=" + relay.url(), "protocols=tcp", "!", "fakesink"},
                       folder_.path("frozen.log"));
  ASSERT_TRUE(test::eventually(15, [&] { return relay.camera()["viewers"] == 2; })) << relay.log();
  frozen.signal(SIGSTOP);
  EXPECT_TRUE(viewer.gets_more(150, 30)) << relay.log();
  EXPECT_EQ(relay.camera()["restarts"], 0);
  expect_calm(viewer);
}

TEST_F(RelayTest, HalfOpenConnectionsAreClosed) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(10, 15)) << relay.log();
  std::vector<std::unique_ptr<Connection>> flood;
  for (int i = 0; i < 200; ++i) {
    flood.push_back(
        std::make_unique<Connection>(port_of(relay.url()), i % 2 == 0 ? "" : "DESCRIBE rtsp://127.0.0.1/door RTSP/1.0\r\nCSe"));
    EXPECT_TRUE(flood.back()->connected());
  }
  EXPECT_TRUE(viewer.gets_more(50, 15)) << relay.log();
  const Viewer late(relay.url());
  EXPECT_TRUE(late.gets(10, 15)) << relay.log();
  EXPECT_TRUE(test::eventually(30, [&] {
    for (const auto& connection : flood) {
      if (!connection->closed()) return false;
    }
    return true;
  }));
  expect_calm(viewer);
  expect_calm(late);
}

TEST_F(RelayTest, StopsWithinTwoSeconds) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  const SilentPort silent;
  Relay relay(folder_, options(camera.url(), {"--camera", "yard=" + silent.url()}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(10, 15)) << relay.log();
  relay.process().signal(SIGTERM);
  EXPECT_EQ(relay.process().wait(2), 0) << relay.log();
}

TEST_F(RelayTest, ACameraThatNeverAnswersIsGivenUp) {
  const SilentPort silent;
  Relay relay(folder_, options(silent.url(), {"--connect-timeout", "1"}));
  EXPECT_TRUE(test::eventually(15, [&] { return !relay.camera().is_null() && relay.camera()["restarts"] >= 2; })) << relay.log();
}

TEST_F(RelayTest, ACameraThatHangsUpInTheHandshakeIsCalledAgainSoon) {
  const FaintingCamera camera;
  Relay relay(folder_, options(camera.url(), {"--connect-timeout", "600"}));
  EXPECT_TRUE(test::eventually(30, [&] { return !relay.camera().is_null() && relay.camera()["restarts"] >= 3; })) << relay.log();
  EXPECT_EQ(relay.camera()["decoded"], 0);
}

TEST_F(RelayTest, LivesWithDamagedVideo) {
  const Camera whole(folder_, 0, h264_camera(320, 180));
  const Camera flipped(folder_, 0, h264_camera(320, 180), {"--damage", "flip"});
  const Camera cut_off(folder_, 0, h264_camera(320, 180), {"--damage", "cut"});
  const Camera resized(folder_, 0, mjpeg_camera(320, 180), {"--damage", "resize"});
  Relay relay(folder_, options(whole.url(), {"--camera", "flipped=" + flipped.url(), "--camera", "cut-off=" + cut_off.url(),
                                             "--camera", "resized=" + resized.url()}));
  const Viewer unharmed(relay.url());
  for (const std::string name : {"flipped", "cut-off", "resized"}) {
    ASSERT_TRUE(relay.paints(20, name)) << name << '\n' << relay.log();
    const Viewer viewer(relay.url(name));
    EXPECT_TRUE(viewer.gets(75, 30)) << name << '\n' << relay.log();
    EXPECT_EQ(viewer.width(), 320);
    expect_calm(viewer);
  }
  EXPECT_TRUE(unharmed.gets_more(25, 10)) << relay.log();
  EXPECT_EQ(relay.camera()["restarts"], 0);
  expect_calm(unharmed);
}

TEST_F(RelayTest, LivesWithBadStylesAndModels) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  const std::string style = folder_.path("style.jpg");
  const std::string model = folder_.path("model.safetensors");
  std::filesystem::copy_file(test::environment("ADAINSTYLE_MODEL_DIR") + "/adain-small.safetensors", model);
  test::write_bytes(style, {});
  Relay relay(folder_, options(camera.url(), {"--style", style, "--model", model}));
  const Viewer viewer(relay.url());
  EXPECT_TRUE(viewer.gets(5, 20)) << relay.log();
  EXPECT_EQ(relay.camera()["painting"], false);
  EXPECT_NE(relay.log().find("style.jpg"), std::string::npos) << relay.log();

  std::filesystem::copy_file(RelayTest::style(), style, std::filesystem::copy_options::overwrite_existing);
  relay.process().signal(SIGHUP);
  ASSERT_TRUE(relay.paints(15)) << relay.log();

  // From here on nothing may stop the painting.
  std::filesystem::remove(style);
  std::filesystem::create_directory(style);
  test::write_bytes(model, {1, 2, 3});
  relay.process().signal(SIGHUP);
  EXPECT_TRUE(test::eventually(10, [&] { return relay.log().find("old style stays") != std::string::npos; })) << relay.log();
  EXPECT_TRUE(viewer.gets_more(25, 10));
  EXPECT_EQ(relay.camera()["painting"], true);
  expect_calm(viewer);
}

}  // namespace
}  // namespace adainstyle
