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
  void SetUp() override {
    unsetenv("DISPLAY");
    unsetenv("WAYLAND_DISPLAY");
  }

  // Runs a program that must fail; returns what it says on standard error.
  std::string complaint(std::vector<std::string> words, int status = 1) const {
    words[0] = test::environment("ADAINSTYLE_PROGRAMS") + "/" + words[0];
    Process process(words, folder_.path(std::to_string(++runs_) + ".log"));
    EXPECT_EQ(process.wait(30), status) << process.log();
    return process.log();
  }

  // Runs a program to its end; returns the first two lines of its output.
  std::string run(std::vector<std::string> words, int status = 0) const {
    words[0] = test::environment("ADAINSTYLE_PROGRAMS") + "/" + words[0];
    Process process(words, folder_.path("program.log"));
    EXPECT_EQ(process.wait(30), status) << process.log();
    const std::string first = process.read_line();
    return first + "\n" + process.read_line();
  }

 private:
  mutable int runs_ = 0;
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

// libgomp says what it has read when it is told to. What the user has set stays.
TEST_F(ProgramsTest, PaintWithThreadsThatSpinShortly) {
  setenv("OMP_DISPLAY_ENV", "verbose", 1);
  for (const auto& [set, wanted] : {std::pair("", "GOMP_SPINCOUNT = '10000'"), std::pair("active", "OMP_WAIT_POLICY = 'ACTIVE'")}) {
    *set != '\0' ? setenv("OMP_WAIT_POLICY", set, 1) : unsetenv("OMP_WAIT_POLICY");
    const std::string log = folder_.path(std::string("omp") + set);
    Process process({test::environment("ADAINSTYLE_PROGRAMS") + "/adainstyle-bench", style(), "--frames", "12", "--size", "64x64",
                     "--threads", "1"},
                    log);
    EXPECT_EQ(process.wait(30), 0) << process.log();
    EXPECT_NE(process.log().find(wanted), std::string::npos) << process.log();
  }
  unsetenv("OMP_DISPLAY_ENV");
  unsetenv("OMP_WAIT_POLICY");
}

TEST_F(ProgramsTest, SayHowTheyAreUsed) {
  for (const std::string name : {"webcam", "rtsp-view", "adainstyle-bench", "stylize-file", "live", "relay/rtsp-relay"}) {
    run({name, "--help"});
    run({name, "--no-such-option"}, 2);
  }
}

TEST_F(ProgramsTest, SayWhatAFirstUserDidWrong) {
  test::write_bytes(folder_.path("empty.jpg"), {});
  EXPECT_NE(complaint({"webcam", style(), "--camera", "/dev/no-such-camera", "--headless"}).find("there is no such camera"),
            std::string::npos);
  EXPECT_NE(complaint({"webcam", style(), "--test"}).find("no display"), std::string::npos);
  EXPECT_NE(complaint({"live", style()}).find("no display"), std::string::npos);
  EXPECT_NE(complaint({"rtsp-view", "rtsp://127.0.0.1:1/x", style(), "--headless"}).find("rtsp://127.0.0.1:1/x: "),
            std::string::npos);
  EXPECT_NE(complaint({"rtsp-view", "camera", style(), "--headless"}, 2).find("must begin with rtsp://"), std::string::npos);
  EXPECT_NE(complaint({"adainstyle-bench", folder_.path("none.jpg")}).find("none.jpg: there is no such file"), std::string::npos);
  EXPECT_NE(complaint({"adainstyle-bench", folder_.path("empty.jpg")}).find("empty.jpg: expected a picture"), std::string::npos);
  EXPECT_NE(complaint({"adainstyle-bench", style(), "--input", folder_.path("empty.jpg")}).find("empty.jpg: "), std::string::npos);
  EXPECT_NE(complaint({"adainstyle-bench", style(), "--model", folder_.path("empty.jpg")}).find("expected a safetensors file"),
            std::string::npos);
}

}  // namespace
}  // namespace adainstyle
