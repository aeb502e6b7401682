// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "live_fixture.h"

// What may change while the stream plays, over the fake core.
namespace adainstyle::test {
namespace {

TEST_F(LiveTest, EveryNumberThatMayChangeWhilePlayingIsControllable) {
  Player player;
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(player.element()), &count);
  int numbers = 0;
  for (guint i = 0; i < count; ++i) {
    const bool own = specs[i]->owner_type == G_OBJECT_TYPE(player.element());
    if (!own || !(specs[i]->flags & GST_PARAM_MUTABLE_PLAYING)) continue;
    const GType type = G_PARAM_SPEC_VALUE_TYPE(specs[i]);
    if (type == G_TYPE_STRING || type == GST_TYPE_ARRAY) continue;
    EXPECT_TRUE(specs[i]->flags & GST_PARAM_CONTROLLABLE) << specs[i]->name;
    ++numbers;
  }
  g_free(specs);
  EXPECT_GE(numbers, 6);
}

TEST_F(LiveTest, ParametersReachTheFrame) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  ASSERT_TRUE(player.repaint(frame_at(7 * GST_MSECOND)));
  fake::SeenParameters seen = fake_->last_parameters();
  EXPECT_EQ(seen.time_ns, 7'000'000);
  EXPECT_EQ(seen.transition_ns, 500'000'000);
  EXPECT_EQ(seen.smoothing_ms, 0.0f);
  EXPECT_EQ(seen.preserve_color, PreserveColor::kNone);
  EXPECT_EQ(seen.stabilization, 0.0f);
  EXPECT_FALSE(seen.static_skip);

  gst_util_set_object_arg(G_OBJECT(player.element()), "preserve-color", "luma");
  g_object_set(player.element(), "transition-time", static_cast<guint64>(3), "temporal-smoothing", 250u, "stabilization", 0.5f,
               "static-skip", TRUE, nullptr);
  ASSERT_TRUE(player.repaint(frame_at(47 * GST_MSECOND)));
  seen = fake_->last_parameters();
  EXPECT_EQ(seen.time_ns, 47'000'000);
  EXPECT_EQ(seen.transition_ns, 3);
  EXPECT_EQ(seen.smoothing_ms, 250.0f);
  EXPECT_EQ(seen.preserve_color, PreserveColor::kLuma);
  EXPECT_EQ(seen.stabilization, 0.5f);
  EXPECT_TRUE(seen.static_skip);
}

// The mask and the style outside of it: with the first frame, changed while frames flow, taken away.
TEST_F(LiveTest, MaskAndItsStyle) {
  Player player;
  set_style(player, "value=1");
  g_object_set(player.element(), "mask", "value=5", nullptr);
  player.play(info_);
  EXPECT_EQ(next_style_message(player), "value=1|ok||");
  const auto seen = [&] {
    player.repaint(picture_);
    return fake_->last_parameters();
  };
  EXPECT_EQ(seen().mask_value, 5);
  EXPECT_EQ(seen().outside_value, -1);
  EXPECT_EQ(seen().mask_feather, 0.02f);
  EXPECT_EQ(seen().processing_height, 0);

  fake_->set_gate(false);
  g_object_set(player.element(), "mask-style", "gate,value=30", "mask-feather", 0.25f, "processing-height", 360, nullptr);
  EXPECT_EQ(seen().outside_value, -1);
  EXPECT_EQ(seen().mask_feather, 0.25f);
  EXPECT_EQ(seen().processing_height, 360);
  fake_->set_gate(true);
  EXPECT_EQ(next_style_message(player), "gate,value=30|ok||");
  EXPECT_EQ(seen().outside_value, 30);

  g_object_set(player.element(), "mask", "throw=not-an-image", nullptr);
  const MessagePtr warning = next_message(player.bus(), GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_NE(report_of(warning.get()).text.find("The old mask stays in use: "), std::string::npos);
  EXPECT_EQ(seen().mask_value, 5);

  set_style(player, "value=2");  // leaves both alone
  EXPECT_TRUE(player.becomes_painted_with(2));
  EXPECT_EQ(seen().outside_value, 30);
  g_object_set(player.element(), "mask", nullptr, "mask-style", nullptr, nullptr);
  EXPECT_EQ(seen().mask_value, -1);
  EXPECT_EQ(seen().outside_value, -1);
}

TEST_F(LiveTest, BadFirstMaskIsAnError) {
  Player player;
  set_style(player, "value=1");
  g_object_set(player.element(), "mask", "throw=not-found", nullptr);
  EXPECT_EQ(gst_element_set_state(player.element(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const MessagePtr error = next_message(player.bus(), GST_MESSAGE_ERROR);
  ASSERT_TRUE(error);
  EXPECT_EQ(report_of(error.get()).code, GST_RESOURCE_ERROR_NOT_FOUND);
}

TEST_F(LiveTest, AnotherStyleSizeLoadsBothStyles) {
  Player player;
  set_style(player, "value=1");
  g_object_set(player.element(), "mask-style", "value=2", "mask", "value=3", nullptr);
  player.play(info_);
  g_object_set(player.element(), "style-size", 64, nullptr);
  for (int i = 0; i < 4; ++i) EXPECT_NE(next_style_message(player), "none");
  const std::vector<std::string> loads = fake_->style_loads();
  EXPECT_EQ(std::count(loads.begin(), loads.end(), "value=1@64"), 1);
  EXPECT_EQ(std::count(loads.begin(), loads.end(), "value=2@64"), 1);
  EXPECT_EQ(std::count(loads.begin(), loads.end(), "value=3@mask"), 1);
}

TEST_F(LiveTest, FramesWithoutTimeFollowOneAnother) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);  // 30 frames a second
  player.repaint(picture_);
  const std::int64_t first = fake_->last_parameters().time_ns;
  player.repaint(picture_);
  EXPECT_EQ(fake_->last_parameters().time_ns - first, 33'333'333);
}

TEST_F(LiveTest, MessagesSayWhatBecameOfEachStyle) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  EXPECT_EQ(next_style_message(player), "value=1|ok||");
  set_style(player, "throw=not-found");
  EXPECT_EQ(next_style_message(player), std::string("throw=not-found|failed|") + fake::kMessage + "|");
  set_strings(player, "style-images", {"value=2", "value=3"});
  EXPECT_EQ(next_style_message(player), "value=2,value=3|ok||");
}

TEST_F(LiveTest, TheSignalSaysTheSame) {
  Player player;
  set_style(player, "value=1");
  std::vector<std::string> seen;
  const auto handler = +[](GstElement*, const gchar* path, gboolean ok, const gchar* error, gpointer data) {
    static_cast<std::vector<std::string>*>(data)->push_back(std::string(path) + (ok ? "+" : "-") + (error != nullptr ? error : ""));
  };
  g_signal_connect(player.element(), "style-loaded", G_CALLBACK(handler), &seen);
  player.play(info_);
  next_style_message(player);
  set_style(player, "throw=library");
  next_style_message(player);
  ASSERT_EQ(gst_element_set_state(player.element(), GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);  // ends the loader's thread
  EXPECT_EQ(seen, (std::vector<std::string>{"value=1+", std::string("throw=library-") + fake::kMessage}));
}

TEST_F(LiveTest, PreloadedStyleIsUsedByTheNextFrame) {
  Player player;
  set_style(player, "value=1");
  EXPECT_FALSE(call(player, "preload-style", "early", "value=9"));
  EXPECT_FALSE(call(player, "use-style", "early"));
  player.play(info_);
  next_style_message(player);
  EXPECT_FALSE(call(player, "use-style", "night"));
  ASSERT_TRUE(call(player, "preload-style", "night", "value=60"));
  EXPECT_EQ(next_style_message(player), "value=60|ok||night");
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 1));
  ASSERT_TRUE(call(player, "use-style", "night"));
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 60));
}

TEST_F(LiveTest, EveryPreloadedStyleIsLoaded) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  next_style_message(player);
  fake_->set_gate(false);
  for (int i = 10; i < 15; ++i) {
    const std::string style = "gate,value=" + std::to_string(i);
    ASSERT_TRUE(call(player, "preload-style", std::to_string(i).c_str(), style.c_str()));
  }
  set_style(player, "value=2");
  fake_->set_gate(true);
  EXPECT_TRUE(player.becomes_painted_with(2));
  for (int i = 0; i < 6; ++i) EXPECT_NE(next_style_message(player), "none");
  for (int i = 10; i < 15; ++i) {
    ASSERT_TRUE(call(player, "use-style", std::to_string(i).c_str()));
    EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, i));
  }
}

// A style that was asked for before a switch must not undo it when it is ready at last.
TEST_F(LiveTest, AnOlderRequestNeverReplacesANewerSwitch) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  ASSERT_TRUE(call(player, "preload-style", "night", "value=60"));
  next_style_message(player);
  next_style_message(player);
  fake_->set_gate(false);
  set_style(player, "gate,value=2");
  ASSERT_TRUE(call(player, "use-style", "night"));
  fake_->set_gate(true);
  EXPECT_EQ(next_style_message(player), "gate,value=2|ok||");
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 60));
}

TEST_F(LiveTest, PreserveColorMatchLoadsTheStyleInTheFramesColours) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  gst_util_set_object_arg(G_OBJECT(player.element()), "preserve-color", "match");
  EXPECT_TRUE(player.becomes_painted_with(1 + fake::kMatchedOffset));
  set_style(player, "value=3");
  EXPECT_TRUE(player.becomes_painted_with(3 + fake::kMatchedOffset));
  gst_util_set_object_arg(G_OBJECT(player.element()), "preserve-color", "none");
  EXPECT_TRUE(player.becomes_painted_with(3));
}

TEST_F(LiveTest, StatsCountFrames) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  for (int i = 0; i < 5; ++i) player.repaint(picture_);
  GstStructure* stats = nullptr;
  g_object_get(player.element(), "stats", &stats, nullptr);
  ASSERT_NE(stats, nullptr);
  guint64 frames = 0, dropped = 99, memory = 0;
  gdouble mean = 0, p95 = 0;
  EXPECT_TRUE(gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "dropped", G_TYPE_UINT64, &dropped, "memory",
                                G_TYPE_UINT64, &memory, "total-mean", G_TYPE_DOUBLE, &mean, "total-p95", G_TYPE_DOUBLE, &p95,
                                nullptr));
  EXPECT_EQ(frames, 5u);
  EXPECT_EQ(dropped, 0u);
  EXPECT_EQ(memory, 1024u);
  EXPECT_EQ(mean, 2.0);
  EXPECT_EQ(p95, 3.0);
  EXPECT_STREQ(gst_structure_get_string(stats, "device"), "cpu");
  EXPECT_STREQ(gst_structure_get_string(stats, "precision"), "fp32");
  gst_structure_free(stats);
}

// Downstream says that frames come too late: the late ones are skipped, and counted.
TEST_F(LiveTest, StatsCountFramesDroppedForQos) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  ASSERT_TRUE(player.repaint(frame_at(0)));
  ASSERT_TRUE(
      gst_harness_push_upstream_event(player.harness(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 0.5, GST_SECOND, GST_SECOND)));
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(player.repaint(frame_at(i * 40 * GST_MSECOND)));
  ASSERT_TRUE(player.repaint(frame_at(5 * GST_SECOND)));
  GstStructure* stats = nullptr;
  g_object_get(player.element(), "stats", &stats, nullptr);
  guint64 frames = 0, dropped = 0;
  gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "dropped", G_TYPE_UINT64, &dropped, nullptr);
  gst_structure_free(stats);
  EXPECT_EQ(frames, 2u);
  EXPECT_EQ(dropped, 3u);
}

}  // namespace
}  // namespace adainstyle::test
