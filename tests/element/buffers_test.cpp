// SPDX-License-Identifier: MIT
#include <cstring>

#include "fake_core_test.h"

namespace adainstyle::test {
namespace {

class BuffersTest : public FakeCoreTest {
 protected:
  void SetUp() override {
    FakeCoreTest::SetUp();
    set_style(player_, "value=5");
  }

  Player player_;
};

TEST_F(BuffersTest, KeepsTimestampsOffsetsAndFlags) {
  player_.play(info_);
  BufferPtr frame = make_buffer(info_, test_picture(info_));
  GST_BUFFER_PTS(frame.get()) = 7 * GST_SECOND;
  GST_BUFFER_DTS(frame.get()) = 6 * GST_SECOND;
  GST_BUFFER_DURATION(frame.get()) = 33 * GST_MSECOND;
  GST_BUFFER_OFFSET(frame.get()) = 210;
  GST_BUFFER_OFFSET_END(frame.get()) = 211;
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DISCONT);
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_MARKER);

  const BufferPtr out = player_.repaint(std::move(frame));
  ASSERT_TRUE(out);
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 7 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DTS(out.get()), 6 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(out.get()), 33 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_OFFSET(out.get()), 210u);
  EXPECT_EQ(GST_BUFFER_OFFSET_END(out.get()), 211u);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_DISCONT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_MARKER));
}

TEST_F(BuffersTest, KeepsMetas) {
  player_.play(info_);
  BufferPtr frame = make_buffer(info_, test_picture(info_));
  const CapsPtr reference(gst_caps_from_string("timestamp/x-test"));
  gst_buffer_add_reference_timestamp_meta(frame.get(), reference.get(), 123, GST_CLOCK_TIME_NONE);
  gst_buffer_add_video_region_of_interest_meta(frame.get(), "face", 1, 2, 3, 4);
  GstVideoCropMeta* crop = gst_buffer_add_video_crop_meta(frame.get());
  crop->x = 4;

  const BufferPtr out = player_.repaint(std::move(frame));
  ASSERT_TRUE(out);
  const auto* time = gst_buffer_get_reference_timestamp_meta(out.get(), reference.get());
  ASSERT_NE(time, nullptr);
  EXPECT_EQ(time->timestamp, 123u);
  const auto* region =
      reinterpret_cast<GstVideoRegionOfInterestMeta*>(gst_buffer_get_meta(out.get(), GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
  ASSERT_NE(region, nullptr);
  EXPECT_EQ(region->x, 1u);
  EXPECT_EQ(region->h, 4u);
  const GstVideoCropMeta* kept_crop = gst_buffer_get_video_crop_meta(out.get());
  ASSERT_NE(kept_crop, nullptr);
  EXPECT_EQ(kept_crop->x, 4u);
}

TEST_F(BuffersTest, LeavesTheInputBufferAlone) {
  player_.play(info_);
  const Pixels picture = test_picture(info_);
  const BufferPtr frame = make_buffer(info_, picture);
  const BufferPtr out = player_.repaint(BufferPtr(gst_buffer_ref(frame.get())));
  ASSERT_TRUE(out);
  EXPECT_NE(out.get(), frame.get());
  EXPECT_EQ(read_pixels(info_, frame.get()), picture);
}

TEST_F(BuffersTest, OffersVideoMetaUpstream) {
  player_.play(info_);
  const CapsPtr caps = caps_of(info_);
  const QueryPtr query(gst_query_new_allocation(caps.get(), TRUE));
  ASSERT_TRUE(gst_pad_peer_query(player_.harness()->srcpad, query.get()));
  EXPECT_TRUE(gst_query_find_allocation_meta(query.get(), GST_VIDEO_META_API_TYPE, nullptr));
}

// Answers the ALLOCATION query as a sink does that wants rows and columns of padding around each frame.
GstPadProbeReturn offer_padded_pool(GstPad*, GstPadProbeInfo* probe, gpointer) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(probe);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return GST_PAD_PROBE_OK;

  GstVideoAlignment alignment;
  gst_video_alignment_reset(&alignment);
  alignment.padding_left = 8;
  alignment.padding_right = 24;
  alignment.padding_top = 3;
  GstBufferPool* pool = gst_video_buffer_pool_new();
  GstStructure* config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, caps, GST_VIDEO_INFO_SIZE(&info), 2, 0);
  gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
  gst_buffer_pool_config_set_video_alignment(config, &alignment);
  gst_buffer_pool_set_config(pool, config);
  gst_query_add_allocation_pool(query, pool, GST_VIDEO_INFO_SIZE(&info), 2, 0);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  gst_object_unref(pool);
  return GST_PAD_PROBE_HANDLED;
}

TEST_F(BuffersTest, WritesIntoDownstreamsPaddedPool) {
  player_.play(info_);
  gst_pad_add_probe(player_.harness()->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, offer_padded_pool, nullptr, nullptr);
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGBA, 34, 21);
  player_.change_caps(info);
  for (int seed = 0; seed < 5; ++seed) {
    const Pixels picture = test_picture(info, seed);
    const BufferPtr out = player_.repaint(make_buffer(info, picture));
    ASSERT_TRUE(out);
    const GstVideoMeta* meta = gst_buffer_get_video_meta(out.get());
    ASSERT_NE(meta, nullptr);
    EXPECT_GT(meta->stride[0], GST_VIDEO_INFO_PLANE_STRIDE(&info, 0));
    EXPECT_GT(meta->offset[0], 0u);
    EXPECT_EQ(read_pixels(info, out.get()), painted_picture(info, picture, 5));
  }
}

// A sink that offers no GstVideoMeta can only read rows where the caps say that they are.
TEST_F(BuffersTest, WritesPlainRowsForASinkWithoutVideoMeta) {
  player_.play(info_);
  const GstVideoInfo info = video_info(GST_VIDEO_FORMAT_RGB, 17, 23);
  player_.change_caps(info);
  const Pixels picture = test_picture(info);
  const BufferPtr out = player_.repaint(make_buffer(info, picture));
  ASSERT_TRUE(out);
  EXPECT_EQ(gst_buffer_get_size(out.get()), GST_VIDEO_INFO_SIZE(&info));
  EXPECT_EQ(read_pixels(info, out.get()), painted_picture(info, picture, 5));
}

class BadBuffersTest : public BuffersTest {
 protected:
  void expect_format_error(BufferPtr frame) {
    EXPECT_EQ(gst_harness_push(player_.harness(), frame.release()), GST_FLOW_ERROR);
    const MessagePtr message = next_message(player_.bus(), GST_MESSAGE_ERROR);
    ASSERT_TRUE(message);
    const Report report = report_of(message.get());
    EXPECT_EQ(report.domain, "gst-stream-error-quark");
    EXPECT_EQ(report.code, GST_STREAM_ERROR_FORMAT);
    EXPECT_NE(report.text.find("does not hold the frame"), std::string::npos) << report.text;
  }
};

TEST_F(BadBuffersTest, ShorterThanItsCapsPromise) {
  player_.play(info_);
  expect_format_error(BufferPtr(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info_) - 1, nullptr)));
}

TEST_F(BadBuffersTest, VideoMetaOfAnotherSize) {
  player_.play(info_);
  const GstVideoInfo larger = video_info(GST_VIDEO_FORMAT_RGB, 64, 40);
  expect_format_error(make_padded_buffer(larger, test_picture(larger), 0, 0));
}

TEST_F(BadBuffersTest, VideoMetaWhoseRowsLieBeyondTheMemory) {
  player_.play(info_);
  BufferPtr frame = make_padded_buffer(info_, test_picture(info_), 0, 0);
  gst_buffer_get_video_meta(frame.get())->stride[0] = 32 * 3 + 16;
  expect_format_error(std::move(frame));
}

TEST_F(BadBuffersTest, VideoMetaWhoseRowsOverlap) {
  player_.play(info_);
  BufferPtr frame = make_padded_buffer(info_, test_picture(info_), 0, 0);
  gst_buffer_get_video_meta(frame.get())->stride[0] = 32 * 3 - 1;
  expect_format_error(std::move(frame));
}

}  // namespace
}  // namespace adainstyle::test
