// SPDX-License-Identifier: MIT
#include <string>
#include <vector>

#include "live_fixture.h"
#include "style_switcher.h"

// Several styles at once.
namespace adainstyle::test {
namespace {

class SharesTest : public LiveTest {};

TEST_F(SharesTest, WeightsOfShares) {
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

TEST_F(SharesTest, SeveralStylesInShares) {
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

TEST_F(SharesTest, ArraysReadBackAndParse) {
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

TEST_F(SharesTest, StylePositionFollowsAController) {
  Player player;
  set_strings(player, "style-images", {"value=0", "value=40", "value=120"});
  animate(player.element(), "style-position", 0.0, 2.0);
  player.play(info_);
  const int wanted[] = {0, 20, 40, 80, 120};
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const BufferPtr out = player.repaint(frame_at(quarter * GST_SECOND / 4));
    ASSERT_TRUE(out);
    EXPECT_EQ(read_pixels(info_, out.get()), painted_picture(info_, picture_, wanted[quarter])) << quarter;
  }
}

// Each weight by a control source of its own.
TEST_F(SharesTest, WeightsFollowControllers) {
  Player player;
  set_strings(player, "style-images", {"value=0", "value=40", "value=120"});
  GstChildProxy* proxy = GST_CHILD_PROXY(player.element());
  ASSERT_EQ(gst_child_proxy_get_children_count(proxy), 3u);
  const double from[] = {1.0, 0.0, 0.0};
  const double to[] = {0.0, 1.0, 3.0};
  for (guint i = 0; i < 3; ++i) {
    GObject* child = gst_child_proxy_get_child_by_index(proxy, i);
    animate(child, "weight", from[i], to[i]);
    g_object_unref(child);
  }
  player.play(info_);
  const int wanted[] = {0, 80, 100};  // shares 1:0:0, 1:1:3 by halves, 0:1:3
  for (int half = 0; half <= 2; ++half) {
    const BufferPtr out = player.repaint(frame_at(half * GST_SECOND / 2));
    ASSERT_TRUE(out);
    EXPECT_EQ(read_pixels(info_, out.get()), painted_picture(info_, picture_, wanted[half])) << half;
  }
}

TEST_F(SharesTest, ChildrenShowAndSetTheWeights) {
  Player player;
  GstChildProxy* proxy = GST_CHILD_PROXY(player.element());
  std::vector<std::string> events;
  const auto added = +[](GstChildProxy*, GObject*, const gchar* name, gpointer to) {
    static_cast<std::vector<std::string>*>(to)->push_back(std::string("+") + name);
  };
  const auto removed = +[](GstChildProxy*, GObject*, const gchar* name, gpointer to) {
    static_cast<std::vector<std::string>*>(to)->push_back(std::string("-") + name);
  };
  g_signal_connect(proxy, "child-added", G_CALLBACK(added), &events);
  g_signal_connect(proxy, "child-removed", G_CALLBACK(removed), &events);
  EXPECT_EQ(gst_child_proxy_get_children_count(proxy), 0u);
  set_strings(player, "style-images", {"value=10", "value=50"});
  set_floats(player, "style-weights", {1, 3});
  gfloat weight = 0.0f;
  gchar* path = nullptr;
  gst_child_proxy_get(proxy, "style-1::weight", &weight, "style-1::path", &path, nullptr);
  EXPECT_EQ(weight, 3.0f);
  EXPECT_STREQ(path, "value=50");
  g_free(path);
  player.play(info_);
  gst_child_proxy_set(proxy, "style-0::weight", 3.0f, "style-1::weight", 1.0f, nullptr);
  EXPECT_EQ(player.repaint(picture_), painted_picture(info_, picture_, 20));

  // One that somebody still holds when the element has let it go does nothing.
  GObject* last = gst_child_proxy_get_child_by_name(proxy, "style-1");
  ASSERT_NE(last, nullptr);
  set_strings(player, "style-images", {"value=7"});
  EXPECT_EQ(gst_child_proxy_get_children_count(proxy), 1u);
  g_object_set(last, "weight", 9.0f, nullptr);
  g_object_unref(last);
  EXPECT_TRUE(player.becomes_painted_with(7));
  EXPECT_EQ(events, (std::vector<std::string>{"+style-0", "+style-1", "-style-1"}));
}

}  // namespace
}  // namespace adainstyle::test
