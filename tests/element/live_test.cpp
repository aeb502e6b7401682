// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "fake_core_test.h"
#include "style_switcher.h"

// What may change while the stream plays, over the fake core.
namespace adainstyle::test {
namespace {

class LiveTest : public FakeCoreTest {
 protected:
  static void set_strings(Player& player, const char* property, const std::vector<std::string>& values) {
    set_array(player, property, values, G_TYPE_STRING,
              [](GValue* to, const std::string& from) { g_value_set_string(to, from.c_str()); });
  }

  static void set_floats(Player& player, const char* property, const std::vector<float>& values) {
    set_array(player, property, values, G_TYPE_FLOAT, [](GValue* to, float from) { g_value_set_float(to, from); });
  }

  static bool call(Player& player, const char* signal, const char* name, const char* path = nullptr) {
    gboolean result = FALSE;
    if (path != nullptr) {
      g_signal_emit_by_name(player.element(), signal, name, path, &result);
    } else {
      g_signal_emit_by_name(player.element(), signal, name, &result);
    }
    return result != FALSE;
  }

  // The next message about a style: "path|ok|error|name".
  static std::string next_style_message(Player& player) {
    while (const MessagePtr message = next_message(player.bus(), GST_MESSAGE_ELEMENT)) {
      const GstStructure* fields = gst_message_get_structure(message.get());
      if (!gst_structure_has_name(fields, "adainstyle-style")) continue;
      gboolean ok = FALSE;
      gst_structure_get_boolean(fields, "ok", &ok);
      const auto text = [fields](const char* field) {
        const gchar* value = gst_structure_get_string(fields, field);
        return std::string(value != nullptr ? value : "");
      };
      return text("path") + "|" + (ok ? "ok" : "failed") + "|" + text("error") + "|" + text("name");
    }
    return "none";
  }

  BufferPtr frame_at(GstClockTime time) const {
    BufferPtr frame = make_buffer(info_, picture_);
    GST_BUFFER_PTS(frame.get()) = time;
    return frame;
  }

  const Pixels picture_ = test_picture(info_);

 private:
  template <typename Value, typename Set>
  static void set_array(Player& player, const char* property, const std::vector<Value>& values, GType type, const Set& set) {
    GValue array = G_VALUE_INIT;
    g_value_init(&array, GST_TYPE_ARRAY);
    for (const Value& value : values) {
      GValue element = G_VALUE_INIT;
      g_value_init(&element, type);
      set(&element, value);
      gst_value_array_append_and_take_value(&array, &element);
    }
    g_object_set_property(G_OBJECT(player.element()), property, &array);
    g_value_unset(&array);
  }
};

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

TEST_F(LiveTest, WeightsOfShares) {
  using gst::weights_of;
  using Weights = std::vector<float>;
  EXPECT_EQ(weights_of({{}, -1.0f}, 3), (Weights{1, 1, 1}));
  EXPECT_EQ(weights_of({{0, 0}, -1.0f}, 2), (Weights{1, 1}));
  EXPECT_EQ(weights_of({{2, 3, 4}, -1.0f}, 2), (Weights{2, 3}));
  EXPECT_EQ(weights_of({{2}, -1.0f}, 3), (Weights{2, 0, 0}));
  EXPECT_EQ(weights_of({{2, 3}, 0.0f}, 2), (Weights{1, 0}));
  EXPECT_EQ(weights_of({{}, 1.25f}, 3), (Weights{0, 0.75f, 0.25f}));
  EXPECT_EQ(weights_of({{}, 9.0f}, 3), (Weights{0, 0, 1}));
}

TEST_F(LiveTest, SeveralStylesInShares) {
  Player player;
  set_strings(player, "style-images", {"value=10", "value=50"});
  set_floats(player, "style-weights", {1, 3});
  player.play(info_);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 40));
  set_floats(player, "style-weights", {3, 1});
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 20));
  set_floats(player, "style-weights", {});
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 30));
  set_strings(player, "style-images", {"value=100", "value=104", "value=110"});
  EXPECT_TRUE(player.becomes_painted_with(105));
  set_style(player, "value=1");
  set_strings(player, "style-images", {});
  EXPECT_TRUE(player.becomes_painted_with(1));
}

TEST_F(LiveTest, ArraysReadBackAndParse) {
  Player player;
  gst_util_set_object_arg(G_OBJECT(player.element()), "style-images", "<\"value=10\", \"value=50\">");
  gst_util_set_object_arg(G_OBJECT(player.element()), "style-weights", "<1.0, 3.0>");
  GValue weights = G_VALUE_INIT;
  g_value_init(&weights, GST_TYPE_ARRAY);
  g_object_get_property(G_OBJECT(player.element()), "style-weights", &weights);
  ASSERT_EQ(gst_value_array_get_size(&weights), 2u);
  EXPECT_EQ(g_value_get_float(gst_value_array_get_value(&weights, 1)), 3.0f);
  g_value_unset(&weights);
  player.play(info_);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 40));
}

TEST_F(LiveTest, StylePositionFollowsAController) {
  Player player;
  set_strings(player, "style-images", {"value=0", "value=40", "value=120"});
  GstControlSource* source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
  gst_object_add_control_binding(GST_OBJECT(player.element()),
                                 gst_direct_control_binding_new_absolute(GST_OBJECT(player.element()), "style-position", source));
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, 0.0);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), GST_SECOND, 2.0);
  gst_object_unref(source);
  player.play(info_);
  const int wanted[] = {0, 20, 40, 80, 120};
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const BufferPtr out = player.repaint(frame_at(quarter * GST_SECOND / 4));
    ASSERT_TRUE(out);
    EXPECT_EQ(read_pixels(info_, out.get()), painted_picture(info_, picture_, wanted[quarter])) << quarter;
  }
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

TEST_F(LiveTest, PresetsHoldEverySetting) {
  Player player;
  ASSERT_TRUE(GST_IS_PRESET(player.element()));
  gchar** names = gst_preset_get_property_names(GST_PRESET(player.element()));
  std::vector<std::string> found;
  for (gchar** name = names; *name != nullptr; ++name) found.push_back(*name);
  g_strfreev(names);
  for (const char* name : {"strength", "style-image", "style-weights", "transition-time", "temporal-smoothing", "preserve-color"}) {
    EXPECT_NE(std::find(found.begin(), found.end(), name), found.end()) << name;
  }
  EXPECT_EQ(std::find(found.begin(), found.end(), "stats"), found.end());
}

}  // namespace
}  // namespace adainstyle::test
