// SPDX-License-Identifier: MIT
//
// The small programs, as a user starts them, without a window.

#include "relay_fixture.h"

namespace adainstyle {
namespace {

using test::Camera;
using test::Process;

class ProgramsTest : public test::RelayTest {
 protected:
  // Runs a program to its end; returns the first two lines of its output.
  std::string run(std::vector<std::string> words, int status = 0) const {
    words[0] = test::environment("ADAINSTYLE_PROGRAMS") + "/" + words[0];
    Process process(words, folder_.path("program.log"));
    EXPECT_EQ(process.wait(30), status) << process.log();
    const std::string first = process.read_line();
    return first + "\n" + process.read_line();
  }
};

TEST_F(ProgramsTest, WebcamPaintsTheTestPicture) {
  EXPECT_EQ(run({"webcam", style(), "--test", "--headless", "--frames", "20", "--size", "160x90"}).rfind("20 frames, ", 0), 0u);
}

TEST_F(ProgramsTest, RtspViewPaintsACamera) {
  const Camera camera(folder_, 0, test::h264_camera(320, 180));
  EXPECT_EQ(run({"rtsp-view", camera.url(), style(), "--headless", "--frames", "20", "--size", "160x90"}).rfind("20 frames, ", 0),
            0u);
}

TEST_F(ProgramsTest, BenchPrintsATable) {
  const std::string table = run({"adainstyle-bench", style(), "--frames", "30", "--size", "160x90"});
  EXPECT_EQ(table.rfind("size ", 0), 0u) << table;
  EXPECT_NE(table.find("160x90"), std::string::npos) << table;
}

TEST_F(ProgramsTest, SayHowTheyAreUsed) {
  for (const std::string name : {"webcam", "rtsp-view", "adainstyle-bench", "stylize-file", "relay/rtsp-relay"}) {
    run({name, "--help"});
    run({name, "--no-such-option"}, 2);
  }
  run({"webcam", style(), "--camera", "/dev/no-such-camera", "--headless"}, 1);
  run({"rtsp-view", "rtsp://127.0.0.1:1/x", style(), "--headless"}, 1);
  run({"adainstyle-bench", folder_.path("none.jpg")}, 1);
}

}  // namespace
}  // namespace adainstyle
