// SPDX-License-Identifier: MIT

#include <gtest/gtest.h>

#include "relay/backoff.h"
#include "relay/log.h"
#include "relay/status.h"

namespace relay {
namespace {

TEST(BackoffTest, DoublesUpToItsLimitAndStartsAgain) {
  Backoff backoff(0.5, 10, "door");
  for (int round = 0; round < 2; ++round) {
    for (const double expected : {0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0}) {
      const double wait = backoff.next();
      EXPECT_LE(wait, expected);
      EXPECT_GE(wait, 0.8 * expected);
    }
    backoff.reset();
  }
}

TEST(BackoffTest, SpreadsCameras) { EXPECT_NE(Backoff(1, 10, "door").next(), Backoff(1, 10, "yard").next()); }

TEST(LogTest, LeavesOutCredentials) {
  EXPECT_EQ(without_credentials("to rtsp://me:secret@host/a and rtsps://you@host"), "to rtsp://***@host/a and rtsps://***@host");
  EXPECT_EQ(without_credentials("rtsp://host/a@b, me@host"), "rtsp://host/a@b, me@host");
}

TEST(StatusTest, SurvivesTextThatIsNotUtf8) {
  RelayStatus status;
  status.cameras.resize(1);
  status.cameras[0].last_error = "bad \xff byte";
  EXPECT_NE(status_as_json(status).find("bad"), std::string::npos);
}

TEST(StatusTest, NamesEveryCameraOnceForEachMetric) {
  RelayStatus status;
  status.cameras.resize(2);
  status.cameras[0].name = "door";
  status.cameras[1].name = "yard";
  status.cameras[1].painted = 1234567890123;
  status.viewers["yard"] = 3;
  const std::string text = status_as_prometheus(status);
  EXPECT_NE(text.find("adainstyle_relay_frames_painted_total{camera=\"yard\"} 1234567890123\n"), std::string::npos) << text;
  EXPECT_NE(text.find("adainstyle_relay_viewers{camera=\"door\"} 0\nadainstyle_relay_viewers{camera=\"yard\"} 3\n"),
            std::string::npos);
}

TEST(StatusTest, CountsThisProcess) {
  const ProcessUse use = process_use();
  EXPECT_GT(use.memory_bytes, 1 << 20);
  EXPECT_GE(use.threads, 1);
  EXPECT_GE(use.open_files, 3);
}

}  // namespace
}  // namespace relay
