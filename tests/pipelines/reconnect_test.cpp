// SPDX-License-Identifier: MIT
//
// What the relay's viewers see while cameras come and go: pictures, without a break of their own session.

#include <random>

#include "relay_fixture.h"

namespace adainstyle {
namespace {

using test::Camera;
using test::h264_camera;
using test::h265_camera;
using test::mjpeg_camera;
using test::Relay;
using test::RelayTest;
using test::Viewer;

TEST_F(RelayTest, ServesPaintedPictures) {
  Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer over_tcp(relay.url());
  const Viewer over_udp(relay.url(), "protocols=udp");
  EXPECT_TRUE(over_tcp.gets(50, 15)) << relay.log();
  EXPECT_TRUE(over_udp.gets(50, 15)) << relay.log();
  EXPECT_EQ(over_tcp.width(), 320);
  EXPECT_EQ(over_tcp.height(), 180);
  EXPECT_LT(over_tcp.slate_share(), 0.9);
  EXPECT_EQ(relay.camera()["viewers"], 2);
  EXPECT_GT(relay.camera()["delay_ms"], 0);
  EXPECT_GE(relay.camera()["delay_worst_ms"], relay.camera()["delay_ms"]);
  EXPECT_NE(relay.get("/metrics").find("adainstyle_relay_connected{camera=\"door\"} 1\n"), std::string::npos);
  expect_calm(over_tcp);
  expect_calm(over_udp);
}

TEST_F(RelayTest, ServesMjpegFromMjpeg) {
  Camera camera(folder_, 0, mjpeg_camera(320, 180));
  Relay relay(folder_, options(camera.url(), {"--codec", "mjpeg", "--protocol", "udp"}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  EXPECT_TRUE(viewer.gets(50, 15)) << relay.log();
  EXPECT_EQ(viewer.width(), 320);
  expect_calm(viewer);
}

TEST_F(RelayTest, PaintsH265OverTcpAndUdp) {
  const Camera camera(folder_, 0, h265_camera(320, 180));
  Relay over_tcp(folder_, options(camera.url()));
  ASSERT_TRUE(over_tcp.paints(20)) << over_tcp.log();
  const Viewer viewer(over_tcp.url());
  EXPECT_TRUE(viewer.gets(50, 15)) << over_tcp.log();
  expect_calm(viewer);
  over_tcp.process().signal(SIGTERM);
  ASSERT_EQ(over_tcp.process().wait(5), 0);
  Relay over_udp(folder_, options(camera.url(), {"--protocol", "udp"}));
  ASSERT_TRUE(over_udp.paints(20)) << over_udp.log();
}

TEST_F(RelayTest, ShowsTheSlateUntilThereIsACamera) {
  const int port = test::free_port();
  Relay relay(folder_, options("rtsp://127.0.0.1:" + std::to_string(port) + "/live"));
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(5, 20)) << relay.log();
  EXPECT_GT(viewer.slate_share(), 0.9);
  const Camera camera(folder_, port, h264_camera(320, 180));
  ASSERT_TRUE(relay.paints(10)) << relay.log();
  EXPECT_TRUE(test::eventually(5, [&] { return viewer.slate_share() < 0.9; }));
  expect_calm(viewer);
}

// Each time with another codec, and now and then in the middle of the handshake.
TEST_F(RelayTest, OutlivesKilledCameras) {
  const int port = test::free_port();
  auto camera = std::make_unique<Camera>(folder_, port, h264_camera(320, 180));
  Relay relay(folder_, options(camera->url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(10, 15)) << relay.log();
  std::minstd_rand random(7);
  for (int i = 0; i < 6; ++i) {
    camera.reset();  // SIGKILL
    EXPECT_TRUE(viewer.gets_more(3, 10)) << "while the camera is away\n" << relay.log();
    const std::string codecs[] = {mjpeg_camera(320, 180), h265_camera(320, 180), h264_camera(320, 180)};
    camera = std::make_unique<Camera>(folder_, port, codecs[i % 3]);
    if (i % 3 == 2) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 600));
      camera = nullptr;
      camera = std::make_unique<Camera>(folder_, port, h264_camera(320, 180));
    }
    ASSERT_TRUE(relay.paints(15)) << relay.log();
    EXPECT_TRUE(viewer.gets_more(10, 10)) << relay.log();
  }
  EXPECT_GE(relay.camera()["restarts"], 6);
  expect_calm(viewer);
}

TEST_F(RelayTest, OutlivesACameraThatStandsStill) {
  Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(10, 15)) << relay.log();
  camera.process().signal(SIGSTOP);
  EXPECT_TRUE(test::eventually(10, [&] { return relay.camera()["connected"] == false; })) << relay.log();
  EXPECT_TRUE(viewer.gets_more(5, 10));
  // The last picture stands for two seconds, then the slate takes its place.
  EXPECT_TRUE(test::eventually(10, [&] { return viewer.slate_share() > 0.9; }));
  camera.process().signal(SIGCONT);
  EXPECT_TRUE(relay.paints(20)) << relay.log();
  EXPECT_TRUE(viewer.gets_more(10, 10));
  expect_calm(viewer);
}

// Once with another camera each time, once in the middle of one camera's stream.
TEST_F(RelayTest, ServesOneSizeWhateverTheCamerasIs) {
  const int port = test::free_port();
  auto camera = std::make_unique<Camera>(folder_, port, h264_camera(640, 360));
  Relay relay(folder_, options(camera->url()));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url());
  ASSERT_TRUE(viewer.gets(15, 15)) << relay.log();
  for (const auto& [width, height] : {std::pair(848, 480), std::pair(640, 360)}) {
    camera.reset();
    ASSERT_TRUE(test::eventually(10, [&] { return relay.camera()["connected"] == false; })) << relay.log();
    camera = std::make_unique<Camera>(folder_, port, h264_camera(width, height));
    ASSERT_TRUE(relay.paints(15)) << relay.log();
    EXPECT_TRUE(viewer.gets_more(15, 15)) << relay.log();
  }
  const int restarts = relay.camera()["restarts"];
  for (int i = 0; i < 4; ++i) {
    const long painted = relay.camera()["painted"];
    camera->process().signal(SIGUSR1);
    ASSERT_TRUE(test::eventually(15, [&] { return relay.camera()["painted"] > painted + 40; })) << relay.log();
  }
  EXPECT_EQ(relay.camera()["restarts"], restarts) << relay.log();
  EXPECT_EQ(viewer.width(), 320);
  EXPECT_EQ(viewer.height(), 180);
  expect_calm(viewer);
}

TEST_F(RelayTest, OneCamerasTroubleIsItsOwn) {
  const Camera good(folder_, 0, h264_camera(320, 180));
  const std::string dead = "rtsp://127.0.0.1:" + std::to_string(test::free_port()) + "/live";
  Relay relay(folder_, options(good.url(), {"--camera", "yard=" + dead}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer viewer(relay.url("door"));
  const Viewer slate(relay.url("yard"));
  EXPECT_TRUE(viewer.gets(50, 15)) << relay.log();
  EXPECT_TRUE(slate.gets(5, 15)) << relay.log();
  EXPECT_EQ(relay.camera("yard")["connected"], false);
  EXPECT_NE(relay.camera("yard")["last_error"], "");
  EXPECT_EQ(relay.camera("door")["restarts"], 0);
  expect_calm(viewer);
  expect_calm(slate);
}

TEST_F(RelayTest, PublishesToAMediaServer) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  const int port = test::free_port();
  const std::string record = "( rtph264depay name=depay0 ! avdec_h264 ! fakesink sync=false )";
  auto media_server = std::make_unique<Camera>(folder_, port, record, std::vector<std::string>{"--record"});
  Relay relay(folder_, options(camera.url(), {"--publish", media_server->url()}));
  const auto publishes = [&] { return !relay.camera().is_null() && relay.camera()["publishing"] == true; };
  EXPECT_TRUE(test::eventually(20, publishes)) << relay.log();
  media_server.reset();
  EXPECT_TRUE(test::eventually(15, [&] { return !publishes(); })) << relay.log();
  EXPECT_TRUE(relay.paints(5)) << relay.log();
  media_server = std::make_unique<Camera>(folder_, port, record, std::vector<std::string>{"--record"});
  EXPECT_TRUE(test::eventually(15, publishes)) << relay.log();
}

}  // namespace
}  // namespace adainstyle
