// SPDX-License-Identifier: MIT
#include <fstream>
#include <iterator>
#include <string>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

std::string loaded_files() {
  std::ifstream maps("/proc/self/maps");
  return {std::istreambuf_iterator<char>(maps), {}};
}

// Not a FakeCoreTest: those load the fake core themselves. It must be the first of the process, so it has an executable of its own.
TEST(PluginTest, OpensTheCoreWhenTheElementLeavesNullAndNotBefore) {
  const char* core = std::getenv("ADAINSTYLE_FAKE_CORE");
  ASSERT_NE(core, nullptr) << "run this through meson test";
  use_core(core);
  const Player player;
  EXPECT_NE(loaded_files().find("libgstadainstyle.so"), std::string::npos);
  EXPECT_EQ(loaded_files().find("libfake-core.so"), std::string::npos);
  EXPECT_EQ(loaded_files().find("libadainstyle.so"), std::string::npos);
  EXPECT_EQ(loaded_files().find("libtorch"), std::string::npos);
  ASSERT_EQ(gst_element_set_state(player.element(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_NE(loaded_files().find("libfake-core.so"), std::string::npos);
}

TEST(PluginTest, FollowsTheConventions) {
  GstElementFactory* factory = gst_element_factory_find("adainstyle");
  ASSERT_NE(factory, nullptr);
  EXPECT_STREQ(gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS), "Filter/Effect/Video");
  EXPECT_EQ(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)), static_cast<guint>(GST_RANK_NONE));
  GstPlugin* plugin = gst_plugin_feature_get_plugin(GST_PLUGIN_FEATURE(factory));
  ASSERT_NE(plugin, nullptr);
  EXPECT_STREQ(gst_plugin_get_license(plugin), "MIT/X11");
  gst_object_unref(plugin);
  gst_object_unref(factory);
}

}  // namespace
}  // namespace adainstyle::test
