// SPDX-License-Identifier: MIT
//
// Who may watch, what is configured, what is refused.

#include <filesystem>
#include <fstream>

#include "relay_fixture.h"

namespace adainstyle {
namespace {

using test::Camera;
using test::h264_camera;
using test::Process;
using test::Relay;
using test::RelayTest;
using test::Viewer;

class AccessTest : public RelayTest {
 protected:
  void SetUp() override { write("password", "open sesame\n"); }

  void write(const std::string& name, const std::string& text) const {
    test::write_bytes(folder_.path(name), {text.begin(), text.end()});
  }

  // A certificate for 127.0.0.1 that signs itself, with its key, in one file.
  std::string certificate() const {
    const std::string path = folder_.path("tls.pem");
    Process openssl({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                     "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path + ".key", "-out", path},
                    folder_.path("openssl.log"));
    EXPECT_EQ(openssl.wait(20), 0) << openssl.log();
    std::ofstream(path, std::ios::app) << std::ifstream(path + ".key").rdbuf();
    return path;
  }

  // Runs the relay with arguments that it must not accept.
  std::string refusal(const std::vector<std::string>& arguments) const {
    std::vector<std::string> words = {test::environment("ADAINSTYLE_RTSP_RELAY")};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const std::string log = folder_.path("refused.log");
    std::remove(log.c_str());
    Process process(words, log);
    EXPECT_EQ(process.wait(10), 2) << process.log();
    return process.log();
  }
};

TEST_F(AccessTest, ViewersLogIn) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  Relay relay(folder_, options(camera.url(), {"--user", "guest", "--password-file", folder_.path("password")}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  const Viewer stranger(relay.url());
  const Viewer wrong(relay.url(), "protocols=tcp user-id=guest user-pw=wrong");
  const Viewer guest(relay.url(), "protocols=tcp user-id=guest user-pw=\"open sesame\"");
  EXPECT_TRUE(guest.gets(10, 15)) << relay.log();
  EXPECT_NE(stranger.trouble(), "");
  EXPECT_NE(wrong.trouble(), "");
  EXPECT_EQ(stranger.frames() + wrong.frames(), 0);
  expect_calm(guest);
}

TEST_F(AccessTest, EncryptsOnBothSidesAndLogsInAtTheCamera) {
  const std::string pem = certificate();
  const Camera camera(folder_, 0, h264_camera(320, 180), {"--user", "guest:open sesame", "--certificate", pem});
  Relay relay(folder_, options(camera.url("rtsps"), {"--camera-user", "guest", "--camera-password-file", folder_.path("password"),
                                                     "--camera-ca", pem, "--tls-certificate", pem}));
  ASSERT_TRUE(relay.paints(20)) << relay.log();
  ASSERT_EQ(relay.url().rfind("rtsps://", 0), 0u);
  const Viewer viewer(relay.url(), "protocols=tcp tls-validation-flags=0");
  EXPECT_TRUE(viewer.gets(10, 15)) << relay.log();
  expect_calm(viewer);
}

TEST_F(AccessTest, ACameraWithAnUnknownCertificateIsRefused) {
  const std::string pem = certificate();
  const Camera camera(folder_, 0, h264_camera(320, 180), {"--certificate", pem});
  Relay relay(folder_, options(camera.url("rtsps")));
  EXPECT_TRUE(test::eventually(15, [&] { return !relay.camera().is_null() && relay.camera()["restarts"] >= 1; })) << relay.log();
  EXPECT_EQ(relay.camera()["decoded"], 0);
  EXPECT_NE(relay.log().find("certificate is refused: its authority is not known"), std::string::npos) << relay.log();
}

TEST_F(AccessTest, NoPasswordIsLogged) {
  const std::string dead = "rtsp://admin:hunter2@127.0.0.1:" + std::to_string(test::free_port()) + "/live";
  Relay relay(folder_, options(dead, {"--publish", dead + "/{name}"}));
  EXPECT_TRUE(test::eventually(15, [&] { return !relay.camera().is_null() && relay.camera()["restarts"] >= 1; }));
  EXPECT_EQ((relay.log() + relay.status().dump()).find("hunter2"), std::string::npos);
}

TEST_F(AccessTest, ReadsAConfiguration) {
  const Camera camera(folder_, 0, h264_camera(320, 180));
  write("relay.conf",
        "[relay]\nhealth-interval=0.5\nuser=guest\npassword-file=password\n"
        "[defaults]\nstyle=" +
            style() +
            "\nsize=160x90\nstyle-size=128\n"
            "[camera door]\nlocation=" +
            camera.url() + "\n[camera yard]\nlocation=" + camera.url() + "\ncodec=mjpeg\n");
  Relay relay(folder_, {"--config", folder_.path("relay.conf")});
  ASSERT_TRUE(relay.paints(20, "door")) << relay.log();
  ASSERT_TRUE(relay.paints(20, "yard")) << relay.log();
  const Viewer viewer(relay.url("yard"), "protocols=tcp user-id=guest user-pw=\"open sesame\"");
  EXPECT_TRUE(viewer.gets(10, 15)) << relay.log();
  EXPECT_EQ(viewer.width(), 160);
  EXPECT_TRUE(test::eventually(5, [&] { return relay.log().find("[door] health: playing") != std::string::npos; })) << relay.log();
  // What is wrong later on leaves everything as it is.
  write("relay.conf", "[relay\n");
  relay.process().signal(SIGHUP);
  EXPECT_TRUE(test::eventually(5, [&] { return relay.log().find("was not reloaded") != std::string::npos; })) << relay.log();
  EXPECT_TRUE(viewer.gets_more(10, 10));
}

// As somebody types it who stands beside the files.
TEST_F(AccessTest, TakesPathsRelativeToTheConfiguration) {
  const std::string pem = certificate();
  const Camera camera(folder_, 0, h264_camera(320, 180), {"--certificate", pem});
  write("relay.conf",
        "[defaults]\nstyle=" + style() + "\nsize=160x90\n[camera door]\ncamera-ca=tls.pem\nlocation=" + camera.url("rtsps") + "\n");
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  Relay relay(folder_, {"--config", "relay.conf"});
  std::filesystem::current_path(before);
  EXPECT_TRUE(relay.paints(20)) << relay.log();
}

TEST_F(AccessTest, SaysWhatIsWrongWithItsSettings) {
  const std::string url = "rtsp://127.0.0.1:1/live";
  const std::string config = folder_.path("relay.conf");
  EXPECT_NE(refusal({}).find("No camera is named"), std::string::npos);
  EXPECT_NE(refusal({"--camera", "door"}).find("NAME=URL"), std::string::npos);
  EXPECT_NE(refusal({"--camera", "a/b=" + url, "--style", "s"}).find("cannot name a camera"), std::string::npos);
  EXPECT_NE(refusal({"--camera", "door=http://x", "--style", "s"}).find("rtsp://"), std::string::npos);
  EXPECT_NE(refusal({"--camera", "door=" + url}).find("no style picture"), std::string::npos);
  EXPECT_NE(refusal(options(url, {"--size", "321x180"})).find("even"), std::string::npos);
  EXPECT_NE(refusal(options(url, {"--bitrate", "lots"})).find("a number"), std::string::npos);
  EXPECT_NE(refusal(options(url, {"--address", "0.0.0.0"})).find("lets anybody watch"), std::string::npos);
  EXPECT_NE(refusal(options(url, {"--user", "guest"})).find("go together"), std::string::npos);
  EXPECT_NE(refusal(options(url, {"--no-such-option"})).find("no-such-option"), std::string::npos);
  write("relay.conf", "[camera door]\nlokation=x\n");
  EXPECT_NE(refusal({"--config", config}).find("[camera door] lokation: there is no such key"), std::string::npos);
  write("relay.conf", "[kamera]\n");
  EXPECT_NE(refusal({"--config", config}).find("known are [relay]"), std::string::npos);
}

}  // namespace
}  // namespace adainstyle
