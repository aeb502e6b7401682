// SPDX-License-Identifier: MIT
#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

class CapsTest : public FakeCoreTest {
 protected:
  static bool accepts(Player& player, const char* text) {
    const CapsPtr caps(gst_caps_from_string(text));
    GstPad* pad = gst_element_get_static_pad(player.element(), "sink");
    const bool accepted = gst_pad_query_accept_caps(pad, caps.get()) != FALSE;
    gst_object_unref(pad);
    return accepted;
  }
};

TEST_F(CapsTest, AcceptsProgressiveRgbFrom16x16Up) {
  Player player;
  for (const char* caps : {
           "video/x-raw,format=RGB,width=16,height=16,framerate=30/1",
           "video/x-raw,format=xBGR,width=16,height=17,framerate=0/1",
           "video/x-raw,format=RGBA,width=7680,height=4320,framerate=60/1,interlace-mode=progressive",
           "video/x-raw,format=I420,width=1920,height=1080,framerate=30/1,colorimetry=bt709,chroma-site=mpeg2",
           "video/x-raw,format=NV12,width=17,height=33,framerate=30/1",
           "video/x-raw,format=BGR,width=33,height=600,framerate=30000/1001,colorimetry=sRGB,pixel-aspect-ratio=4/3",
       }) {
    EXPECT_TRUE(accepts(player, caps)) << caps;
  }
}

TEST_F(CapsTest, RejectsWhatItCannotPaint) {
  Player player;
  for (const char* caps : {
           "video/x-raw,format=RGB,width=15,height=16,framerate=30/1",
           "video/x-raw,format=RGB,width=16,height=15,framerate=30/1",
           "video/x-raw,format=RGB,width=64,height=64,framerate=30/1,interlace-mode=interleaved",
           "video/x-raw,format=RGB,width=64,height=64,framerate=30/1,interlace-mode=mixed",
           "video/x-raw,format=YUY2,width=64,height=64,framerate=30/1",
           "video/x-raw,format=I420,width=64,height=64,framerate=30/1,interlace-mode=interleaved",
           "video/x-raw,format=GRAY8,width=64,height=64,framerate=30/1",
           "video/x-raw,format=RGB16,width=64,height=64,framerate=30/1",
           "video/x-raw(memory:DMABuf),format=RGB,width=64,height=64,framerate=30/1",
           "video/x-h264,width=64,height=64,framerate=30/1",
       }) {
    EXPECT_FALSE(accepts(player, caps)) << caps;
  }
}

TEST_F(CapsTest, OutputCapsAreTheInputCapsToTheLetter) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  for (const char* text : {"video/x-raw,format=RGB,width=20,height=20,framerate=30/1",
                           "video/x-raw,format=BGRA,width=20,height=20,framerate=25/1,interlace-mode=progressive,colorimetry=sRGB",
                           "video/x-raw,format=NV12,width=20,height=20,framerate=25/1,colorimetry=bt709,chroma-site=mpeg2"}) {
    const CapsPtr caps(gst_caps_from_string(text));
    gst_harness_set_src_caps(player.harness(), gst_caps_ref(caps.get()));
    const CapsPtr out(gst_pad_get_current_caps(player.harness()->sinkpad));
    ASSERT_TRUE(out);
    EXPECT_TRUE(gst_caps_is_strictly_equal(caps.get(), out.get())) << text;
  }
}

TEST_F(CapsTest, DownstreamsChoiceReachesUpstream) {
  Player player;
  set_style(player, "value=1");
  player.play(info_);
  gst_harness_set_sink_caps_str(player.harness(), "video/x-raw,format={BGRx,GRAY8},width=[8,640],height=48");
  GstPad* pad = gst_element_get_static_pad(player.element(), "sink");
  const CapsPtr offered(gst_pad_query_caps(pad, nullptr));
  gst_object_unref(pad);
  const CapsPtr wanted(gst_caps_from_string(
      "video/x-raw,format=BGRx,width=[16,640],height=48,framerate=[0/1,2147483647/1],interlace-mode=progressive"));
  EXPECT_TRUE(gst_caps_is_equal(offered.get(), wanted.get()));
}

TEST_F(CapsTest, CapsMayChangeWhilePlaying) {
  Player player;
  set_style(player, "value=9");
  player.play(info_);
  const GstVideoInfo changes[] = {
      video_info(GST_VIDEO_FORMAT_RGB, 32, 20),   video_info(GST_VIDEO_FORMAT_RGB, 160, 90),
      video_info(GST_VIDEO_FORMAT_ABGR, 160, 90), video_info(GST_VIDEO_FORMAT_ABGR, 17, 23),
      video_info(GST_VIDEO_FORMAT_NV12, 33, 21),  video_info(GST_VIDEO_FORMAT_I420, 160, 90),
      video_info(GST_VIDEO_FORMAT_BGR, 640, 360), video_info(GST_VIDEO_FORMAT_RGB, 32, 20),
  };
  for (const GstVideoInfo& info : changes) {
    player.change_caps(info);
    for (int seed = 0; seed < 2; ++seed) {
      const Pixels picture = test_picture(info, seed);
      EXPECT_EQ(player.repaint(picture), painted_picture(info, picture, 9));
    }
  }
}

}  // namespace
}  // namespace adainstyle::test
