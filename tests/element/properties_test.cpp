// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

class PropertiesTest : public FakeCoreTest {
 protected:
  // Waits until the loader has begun with a style.
  bool load_begins(const std::string& load) {
    const gint64 deadline = g_get_monotonic_time() + static_cast<gint64>(kPatience / GST_USECOND);
    while (g_get_monotonic_time() < deadline) {
      const auto loads = fake_->style_loads();
      if (std::find(loads.begin(), loads.end(), load) != loads.end()) return true;
      g_usleep(1000);
    }
    return false;
  }

  void expect_warning(Player& player, const char* domain, int code, const char* text) {
    const MessagePtr message = next_message(player.bus(), GST_MESSAGE_WARNING);
    ASSERT_TRUE(message);
    const Report report = report_of(message.get());
    EXPECT_EQ(report.domain, domain);
    EXPECT_EQ(report.code, code);
    EXPECT_NE(report.text.find(text), std::string::npos) << report.text;
    EXPECT_NE(report.text.find("The old style stays in use: "), std::string::npos) << report.text;
  }

  const Pixels picture_ = test_picture(info_);
};

TEST_F(PropertiesTest, ReadBackWhatWasSet) {
  Player player;
  gchar *style = nullptr, *model = nullptr, *device = nullptr;
  gint style_size = -1, precision = -1, threads = -1;
  gfloat strength = -1;
  gboolean qos = FALSE;
  const auto read = [&] {
    g_free(style);
    g_free(model);
    g_free(device);
    g_object_get(player.element(), "style-image", &style, "model", &model, "device", &device, "style-size", &style_size,
                 "precision", &precision, "threads", &threads, "strength", &strength, "qos", &qos, nullptr);
  };
  read();
  EXPECT_EQ(style, nullptr);
  EXPECT_EQ(model, nullptr);
  EXPECT_STREQ(device, "auto");
  EXPECT_EQ(style_size, 512);
  EXPECT_EQ(precision, 0);
  EXPECT_EQ(threads, 0);
  EXPECT_EQ(strength, 1.0f);
  EXPECT_TRUE(qos);

  gst_util_set_object_arg(G_OBJECT(player.element()), "precision", "bf16");
  g_object_set(player.element(), "style-image", "a.jpg", "model", "b.safetensors", "device", "cuda:1", "style-size", 0, "threads",
               3, "strength", 0.25, nullptr);
  read();
  EXPECT_STREQ(style, "a.jpg");
  EXPECT_STREQ(model, "b.safetensors");
  EXPECT_STREQ(device, "cuda:1");
  EXPECT_EQ(style_size, 0);
  EXPECT_EQ(precision, 2);
  EXPECT_EQ(threads, 3);
  EXPECT_EQ(strength, 0.25f);
  g_free(style);
  g_free(model);
  g_free(device);
}

TEST_F(PropertiesTest, SayWhenTheyMayChange) {
  Player player;
  GObjectClass* object_class = G_OBJECT_GET_CLASS(player.element());
  for (const char* name : {"style-image", "style-size", "strength"}) {
    EXPECT_TRUE(g_object_class_find_property(object_class, name)->flags & GST_PARAM_MUTABLE_PLAYING) << name;
  }
  for (const char* name : {"model", "device", "precision", "threads"}) {
    const auto flags = g_object_class_find_property(object_class, name)->flags;
    EXPECT_TRUE(flags & GST_PARAM_MUTABLE_READY) << name;
    EXPECT_FALSE(flags & (GST_PARAM_MUTABLE_PLAYING | GST_PARAM_MUTABLE_PAUSED)) << name;
  }
  EXPECT_TRUE(g_object_class_find_property(object_class, "strength")->flags & GST_PARAM_CONTROLLABLE);
}

TEST_F(PropertiesTest, StrengthActsOnTheNextFrame) {
  Player player;
  set_style(player, "value=200");
  player.play(info_);
  for (const float strength : {1.0f, 0.5f, 0.0f, 0.3f}) {
    g_object_set(player.element(), "strength", strength, nullptr);
    EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 200, strength)) << strength;
  }
}

// The paper's alpha: at 0 the frame still goes through the network, so that a fade does not jump at its end.
TEST_F(PropertiesTest, StrengthZeroIsNotPassthrough) {
  Player player;
  set_style(player, "value=200");
  g_object_set(player.element(), "strength", 0.0f, nullptr);
  player.play(info_);
  EXPECT_FALSE(gst_base_transform_is_passthrough(GST_BASE_TRANSFORM(player.element())));
  EXPECT_NE(player.repaint(picture_), picture_);
}

TEST_F(PropertiesTest, StrengthFollowsAController) {
  Player player;
  set_style(player, "value=200");
  GstControlSource* source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_LINEAR, nullptr);
  gst_object_add_control_binding(GST_OBJECT(player.element()),
                                 gst_direct_control_binding_new(GST_OBJECT(player.element()), "strength", source));
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), 0, 0.0);
  gst_timed_value_control_source_set(GST_TIMED_VALUE_CONTROL_SOURCE(source), GST_SECOND, 1.0);
  gst_object_unref(source);

  player.play(info_);
  for (int quarter = 0; quarter <= 4; ++quarter) {
    BufferPtr frame = make_buffer(info_, picture_);
    GST_BUFFER_PTS(frame.get()) = quarter * GST_SECOND / 4;
    const BufferPtr out = player.repaint(std::move(frame));
    ASSERT_TRUE(out);
    EXPECT_EQ(read_pixels(info_, out.get()), painted_picture(info_, picture_, 200, 0.25f * quarter)) << quarter;
  }
}

TEST_F(PropertiesTest, FirstFrameHasTheFirstStyle) {
  Player player;
  set_style(player, "value=77");
  player.play(info_);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 77));
}

TEST_F(PropertiesTest, StyleMayChangeWhilePlaying) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  for (int value = 2; value < 6; ++value) {
    set_style(player, ("value=" + std::to_string(value)).c_str());
    EXPECT_TRUE(player.becomes_painted_with(value));
  }
}

TEST_F(PropertiesTest, StyleSizeIsUsedAndMayChangeWhilePlaying) {
  Player player;
  set_style(player, "value=1");
  g_object_set(player.element(), "style-size", 256, nullptr);
  player.play(info_);
  EXPECT_EQ(fake_->style_loads(), std::vector<std::string>{"value=1@256"});
  g_object_set(player.element(), "style-size", 0, nullptr);
  EXPECT_TRUE(load_begins("value=1@0"));
}

// The gate keeps the new style from being ready: were it loaded by the setter or by the streaming thread, this would never end.
TEST_F(PropertiesTest, FramesFlowWithTheOldStyleWhileANewOneLoads) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  fake_->set_gate(false);
  set_style(player, "gate,value=2");
  ASSERT_TRUE(load_begins("gate,value=2@512"));
  for (int frame = 0; frame < 10; ++frame) EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 1));
  fake_->set_gate(true);
  EXPECT_TRUE(player.becomes_painted_with(2));
}

TEST_F(PropertiesTest, OnlyTheLastOfTheStylesThatWaitIsLoaded) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  fake_->set_gate(false);
  set_style(player, "gate,value=2");
  ASSERT_TRUE(load_begins("gate,value=2@512"));
  for (const char* style : {"value=3", "value=4", "value=5"}) set_style(player, style);
  fake_->set_gate(true);
  EXPECT_TRUE(player.becomes_painted_with(5));
  EXPECT_EQ(fake_->style_loads(), (std::vector<std::string>{"value=1@512", "gate,value=2@512", "value=5@512"}));
}

TEST_F(PropertiesTest, LastOfManyStyleChangesWins) {
  Player player;
  set_style(player, "value=0");
  player.play(info_);
  std::thread setter([&player] {
    for (int value = 1; value <= 100; ++value) {
      set_style(player, ("value=" + std::to_string(value)).c_str());
      g_usleep(500);
    }
  });
  int last = 0;  // styles are used in the order in which they were set
  for (int frame = 0; frame < 100; ++frame) {
    const Pixels out = player.repaint(picture_);
    int value = last;
    while (value <= 100 && out != painted_picture(info_, picture_, value)) ++value;
    ASSERT_LE(value, 100);
    last = value;
  }
  setter.join();
  EXPECT_TRUE(player.becomes_painted_with(100));
}

TEST_F(PropertiesTest, BadNewStyleKeepsTheOldOneAndWarns) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  set_style(player, "throw=not-found");
  expect_warning(player, "gst-resource-error-quark", GST_RESOURCE_ERROR_NOT_FOUND, fake::kMessage);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 1));
  set_style(player, "throw=not-an-image");
  expect_warning(player, "gst-stream-error-quark", GST_STREAM_ERROR_DECODE, fake::kMessage);
  set_style(player, "throw=int");
  expect_warning(player, "gst-library-error-quark", GST_LIBRARY_ERROR_FAILED, "gave no reason");
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 1));
  set_style(player, "value=2");
  EXPECT_TRUE(player.becomes_painted_with(2));
}

TEST_F(PropertiesTest, TakingTheStyleAwayKeepsTheOldOneAndWarns) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  set_style(player, nullptr);
  expect_warning(player, "gst-resource-error-quark", GST_RESOURCE_ERROR_SETTINGS, "style-image");
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 1));
}

TEST_F(PropertiesTest, StyleSetWhileTheFirstOneLoadsIsNotLost) {
  Player player;
  fake_->set_gate(false);
  set_style(player, "gate,value=1");
  std::thread setter([&] {
    ASSERT_TRUE(load_begins("gate,value=1@512"));
    set_style(player, "value=2");
    fake_->set_gate(true);
  });
  player.play(info_);
  setter.join();
  EXPECT_TRUE(player.becomes_painted_with(2));
}

TEST_F(PropertiesTest, StylesAndStrengthMayChangeFromSeveralThreadsAtOnce) {
  Player player;
  set_style(player, "value=0");
  player.play(info_);
  std::vector<std::thread> setters;
  for (int thread = 0; thread < 3; ++thread) {
    setters.emplace_back([&player, thread] {
      for (int i = 0; i < 200; ++i) {
        set_style(player, i % 5 == 0 ? "throw=not-found" : ("value=" + std::to_string(i)).c_str());
        g_object_set(player.element(), "strength", 0.1f * thread, nullptr);
      }
    });
  }
  for (int frame = 0; frame < 200; ++frame) EXPECT_FALSE(player.repaint(picture_).empty());
  for (std::thread& setter : setters) setter.join();
  g_object_set(player.element(), "style-image", "value=250", "strength", 1.0f, nullptr);
  EXPECT_TRUE(player.becomes_painted_with(250));
}

}  // namespace
}  // namespace adainstyle::test
