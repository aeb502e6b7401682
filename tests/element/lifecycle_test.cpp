// SPDX-License-Identifier: MIT
#include <thread>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

class LifecycleTest : public FakeCoreTest {
 protected:
  const Pixels picture_ = test_picture(info_);
};

TEST_F(LifecycleTest, MayGoUpAndDownManyTimes) {
  Player player;
  set_style(player, "value=8");
  for (const GstState top : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING}) {
    for (int cycle = 0; cycle < 20; ++cycle) {
      ASSERT_NE(gst_element_set_state(player.element(), top), GST_STATE_CHANGE_FAILURE);
      ASSERT_EQ(gst_element_set_state(player.element(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
      ASSERT_EQ(fake_->stylizers_alive(), 0);
    }
  }
  player.play(info_);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 8));
}

TEST_F(LifecycleTest, PlaysAgainWithOtherSettings) {
  Player player;
  for (int value = 1; value < 5; ++value) {
    set_style(player, ("value=" + std::to_string(value)).c_str());
    player.play(info_);
    EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, value));
    gst_element_set_state(player.element(), GST_STATE_NULL);
  }
}

TEST_F(LifecycleTest, GivesTheModelBackInReady) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  EXPECT_EQ(fake_->stylizers_alive(), 1);
  gst_element_set_state(player.element(), GST_STATE_READY);
  EXPECT_EQ(fake_->stylizers_alive(), 0);
}

TEST_F(LifecycleTest, TwoElementsDoNotMeet) {
  Player first, second;
  set_style(first, "value=11");
  set_style(second, "value=22");
  g_object_set(second.element(), "strength", 0.5f, nullptr);
  const GstVideoInfo other_info = video_info(GST_VIDEO_FORMAT_ARGB, 40, 16);
  const Pixels other_picture = test_picture(other_info);
  first.play(info_);
  second.play(other_info);
  std::thread other([&] {
    for (int frame = 0; frame < 100; ++frame) {
      EXPECT_EQ(second.repaint(other_picture), painted_picture(other_info, other_picture, 22, 0.5f));
    }
  });
  for (int frame = 0; frame < 100; ++frame) EXPECT_EQ(first.repaint(picture_), painted_picture(info_, picture_, 11));
  other.join();
}

TEST_F(LifecycleTest, StopsWhileAStyleLoads) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  fake_->set_gate(false);
  set_style(player, "gate,value=2");
  set_style(player, "gate,value=3");
  std::thread opener([this] {
    g_usleep(20000);
    fake_->set_gate(true);
  });
  EXPECT_EQ(gst_element_set_state(player.element(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  opener.join();
  EXPECT_EQ(fake_->stylizers_alive(), 0);
}

TEST_F(LifecycleTest, FlushAndEndOfStreamPass) {
  Player player;
  set_style(player, "value=4");
  player.play(info_);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 4));
  ASSERT_TRUE(gst_harness_push_event(player.harness(), gst_event_new_flush_start()));
  ASSERT_TRUE(gst_harness_push_event(player.harness(), gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  ASSERT_TRUE(gst_harness_push_event(player.harness(), gst_event_new_segment(&segment)));
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 4));
  EXPECT_TRUE(gst_harness_push_event(player.harness(), gst_event_new_eos()));
}

// A sink that is late asks for fewer frames; those that would come too late are not painted.
TEST_F(LifecycleTest, SkipsFramesThatWouldBeLate) {
  Player player;
  set_style(player, "value=4");
  player.play(info_);
  gst_harness_push_upstream_event(player.harness(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 5 * GST_SECOND, 5 * GST_SECOND));
  BufferPtr late = make_buffer(info_, picture_);
  GST_BUFFER_PTS(late.get()) = 6 * GST_SECOND;
  EXPECT_FALSE(player.repaint(std::move(late)));
  BufferPtr early = make_buffer(info_, picture_);
  GST_BUFFER_PTS(early.get()) = 60 * GST_SECOND;
  EXPECT_TRUE(player.repaint(std::move(early)));
}

}  // namespace
}  // namespace adainstyle::test
