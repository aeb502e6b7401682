// SPDX-License-Identifier: MIT
#include <string>
#include <tuple>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

using Size = std::pair<int, int>;

class FormatsTest : public FakeCoreTest, public ::testing::WithParamInterface<std::tuple<const char*, Size>> {
 protected:
  GstVideoInfo info() const {
    const auto [name, size] = GetParam();
    return video_info(gst_video_format_from_string(name), size.first, size.second);
  }
};

TEST_P(FormatsTest, PaintsEveryPixelAndKeepsAlpha) {
  Player player;
  set_style(player, "value=37");
  player.play(info());
  for (int seed = 0; seed < 3; ++seed) {
    const Pixels picture = test_picture(info(), seed);
    EXPECT_EQ(meaningful(info(), player.repaint(picture)), meaningful(info(), painted_picture(info(), picture, 37)));
  }
}

TEST_P(FormatsTest, HonoursTheStridesAndOffsetOfAVideoMeta) {
  Player player;
  set_style(player, "value=37");
  player.play(info());
  const Pixels picture = test_picture(info());
  const BufferPtr out = player.repaint(make_padded_buffer(info(), picture, 13, 7));
  ASSERT_TRUE(out);
  EXPECT_EQ(meaningful(info(), read_pixels(info(), out.get())), meaningful(info(), painted_picture(info(), picture, 37)));
}

std::string test_name(const ::testing::TestParamInfo<FormatsTest::ParamType>& info) {
  const auto& [name, size] = info.param;
  return std::string(name) + "_" + std::to_string(size.first) + "x" + std::to_string(size.second);
}

INSTANTIATE_TEST_SUITE_P(All, FormatsTest,
                         ::testing::Combine(::testing::Values("RGB", "BGR", "RGBA", "BGRA", "ARGB", "ABGR", "RGBx", "BGRx", "xRGB",
                                                              "xBGR", "I420", "NV12", "RGBP"),
                                            ::testing::Values(Size{16, 16}, Size{17, 23}, Size{64, 31})),
                         test_name);

}  // namespace
}  // namespace adainstyle::test
