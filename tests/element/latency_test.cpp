// SPDX-License-Identifier: MIT
#include "latency.h"

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

using adainstyle::gst::LatencyMeter;

// Returns how many times the answer changed while `frames` frames took `time` each.
int changes(LatencyMeter& meter, int frames, GstClockTime time) {
  int count = 0;
  for (int frame = 0; frame < frames; ++frame) count += meter.add(time) ? 1 : 0;
  return count;
}

TEST(LatencyMeterTest, AnswersTheMeanWithHeadroomOnce) {
  LatencyMeter meter;
  EXPECT_EQ(meter.latency(), 0u);
  EXPECT_EQ(changes(meter, 100, 40 * GST_MSECOND), 1);
  EXPECT_EQ(meter.latency(), 42 * GST_MSECOND);
}

TEST(LatencyMeterTest, FirstFramesDoNotCount) {
  LatencyMeter meter;
  EXPECT_EQ(changes(meter, 2, 5 * GST_SECOND), 0);
  EXPECT_EQ(changes(meter, 100, 40 * GST_MSECOND), 1);
  EXPECT_EQ(meter.latency(), 42 * GST_MSECOND);
}

TEST(LatencyMeterTest, SmallMovesAreNotAnnounced) {
  LatencyMeter meter;
  changes(meter, 100, 40 * GST_MSECOND);
  EXPECT_EQ(changes(meter, 100, 48 * GST_MSECOND), 0);
  EXPECT_EQ(changes(meter, 100, 34 * GST_MSECOND), 0);
  EXPECT_EQ(meter.latency(), 42 * GST_MSECOND);
}

TEST(LatencyMeterTest, LargeMovesAreAnnouncedInBothDirections) {
  LatencyMeter meter;
  changes(meter, 100, 40 * GST_MSECOND);
  EXPECT_GT(changes(meter, 100, 100 * GST_MSECOND), 0);
  EXPECT_GT(meter.latency(), 80 * GST_MSECOND);
  EXPECT_GT(changes(meter, 100, 20 * GST_MSECOND), 0);
  EXPECT_LT(meter.latency(), 28 * GST_MSECOND);
}

TEST(LatencyMeterTest, FastFramesNeedNoLatency) {
  LatencyMeter meter;
  EXPECT_EQ(changes(meter, 100, 100 * GST_USECOND) + changes(meter, 100, 900 * GST_USECOND), 0);
  EXPECT_EQ(meter.latency(), 0u);
}

TEST(LatencyMeterTest, RestartKeepsTheAnswerUntilThereIsANewOne) {
  LatencyMeter meter;
  changes(meter, 100, 40 * GST_MSECOND);
  meter.restart();
  EXPECT_EQ(changes(meter, 4, 400 * GST_MSECOND), 0);
  EXPECT_EQ(meter.latency(), 42 * GST_MSECOND);
  EXPECT_EQ(changes(meter, 10, 400 * GST_MSECOND), 1);
  EXPECT_EQ(meter.latency(), 420 * GST_MSECOND);
  meter.reset();
  EXPECT_EQ(meter.latency(), 0u);
}

class LatencyTest : public FakeCoreTest {};

TEST_F(LatencyTest, QueryAnswersTheMeasuredTimeOnTopOfUpstreams) {
  Player player;
  g_object_set(player.element(), "style-image", "value=1", "model", "sleep-ms=5", nullptr);
  player.play(info_);
  gst_harness_set_upstream_latency(player.harness(), 100 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(player.harness()), 100 * GST_MSECOND);
  for (int frame = 0; frame < 8; ++frame) player.repaint(test_picture(info_));
  EXPECT_GE(gst_harness_query_latency(player.harness()), 105 * GST_MSECOND);

  const MessagePtr message = next_message(player.bus(), GST_MESSAGE_LATENCY);
  ASSERT_TRUE(message);
  EXPECT_EQ(GST_MESSAGE_SRC(message.get()), GST_OBJECT(player.element()));
}

TEST_F(LatencyTest, IsForgottenWhenTheElementStops) {
  Player player;
  g_object_set(player.element(), "style-image", "value=1", "model", "sleep-ms=5", nullptr);
  player.play(info_);
  for (int frame = 0; frame < 8; ++frame) player.repaint(test_picture(info_));
  EXPECT_GT(gst_harness_query_latency(player.harness()), 0u);
  gst_element_set_state(player.element(), GST_STATE_READY);
  gst_element_set_state(player.element(), GST_STATE_PLAYING);
  EXPECT_EQ(gst_harness_query_latency(player.harness()), 0u);
}

}  // namespace
}  // namespace adainstyle::test
