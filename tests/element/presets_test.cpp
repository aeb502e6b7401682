// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "live_fixture.h"

// All settings together under a name (GstPreset). They are kept in $XDG_DATA_HOME, which the test's environment sets.
namespace adainstyle::test {
namespace {

class PresetsTest : public LiveTest {
 protected:
  static std::string text_of(GstElement* element, const char* property) {
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), property);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_PARAM_SPEC_VALUE_TYPE(spec));
    g_object_get_property(G_OBJECT(element), property, &value);
    gchar* text = g_strdup_value_contents(&value);
    const std::string result = text;
    g_free(text);
    g_value_unset(&value);
    return result;
  }
};

TEST_F(PresetsTest, PresetsHoldEverySetting) {
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

TEST_F(PresetsTest, SurviveSavingAndLoading) {
  Player player;
  GstElement* saved = player.element();
  g_object_set(saved, "style-image", "/pictures/a-1.jpg", nullptr);
  set_strings(player, "style-images", {"pictures/b_2.jpg", "c:3.png"});
  set_floats(player, "style-weights", {0.25f, 3.0f});
  g_object_set(saved, "strength", 0.7f, "transition-time", static_cast<guint64>(1'234'567'890), "temporal-smoothing", 321u,
               "stabilization", 0.5f, "static-skip", TRUE, "mask", "masks/oval.png", "mask-style", "pictures/e.jpg", "mask-feather",
               0.1f, "processing-height", 360, "style-size", 300, "style-position", 0.5f, "model", "other.safetensors", "threads",
               3, "memory-limit", 64u, nullptr);
  gst_util_set_object_arg(G_OBJECT(saved), "preserve-color", "luma");
  gst_util_set_object_arg(G_OBJECT(saved), "precision", "fp32");
  ASSERT_TRUE(gst_preset_save_preset(GST_PRESET(saved), "evening"));

  Player other;
  set_strings(other, "style-images", {"a.jpg", "b.jpg", "c.jpg"});
  ASSERT_TRUE(gst_preset_load_preset(GST_PRESET(other.element()), "evening"));
  gchar** names = gst_preset_get_property_names(GST_PRESET(saved));
  int compared = 0;
  for (gchar** name = names; *name != nullptr; ++name) {
    if (std::string(*name) == "name" || std::string(*name) == "parent") continue;  // the object's own
    EXPECT_EQ(text_of(other.element(), *name), text_of(saved, *name)) << *name;
    ++compared;
  }
  g_strfreev(names);
  EXPECT_GE(compared, 20);
  EXPECT_TRUE(gst_preset_delete_preset(GST_PRESET(saved), "evening"));
}

}  // namespace
}  // namespace adainstyle::test
