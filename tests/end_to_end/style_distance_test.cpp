// SPDX-License-Identifier: MIT
//
// The element on real frames, judged by a network that neither it nor its training's validation uses here: VGG-19's statistics of
// the repainted frames must be much nearer to the style picture's than those of the untouched frames are.

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include "gst_pointers.h"
#include "image_file.h"
#include "network_presets.h"
#include "plain_network.h"
#include "safetensors.h"
#include "support/shared_files.h"

namespace adainstyle {
namespace {

constexpr char kVggWeights[] = "weights/vgg19_normalised_relu4_1.safetensors";
constexpr int kStyleSize = 512;  // the element's default
constexpr GstClockTime kPatience = 120 * GST_SECOND;

// [1, 3, height, width], RGB in [0, 1], cut to multiples of 8 as VGG's three poolings ask.
at::Tensor to_picture(const std::uint8_t* rgb, std::int64_t width, std::int64_t height, std::int64_t stride) {
  const at::Tensor bytes = at::from_blob(const_cast<std::uint8_t*>(rgb), {height, width, 3}, {stride, 3, 1}, at::kByte);
  return bytes.narrow(0, 0, height / 8 * 8)
      .narrow(1, 0, width / 8 * 8)
      .to(at::kFloat)
      .div(255)
      .permute({2, 0, 1})
      .unsqueeze(0)
      .contiguous();
}

at::Tensor to_picture(GstSample* sample) {
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    return {};
  }
  at::Tensor picture = to_picture(static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)), info.width, info.height,
                                  GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
  gst_video_frame_unmap(&frame);
  return picture;
}

struct FramePair {
  at::Tensor untouched;
  at::Tensor painted;
};

// One frame of every two seconds of the clip, as it is and as the element repaints it.
std::vector<FramePair> paint_clip(const std::string& clip, const std::string& style) {
  const std::string description =
      "uridecodebin name=clip ! videoconvert ! videorate drop-only=true ! "
      "video/x-raw, format=RGB, framerate=1/2 ! tee name=frames "
      "frames. ! queue ! appsink name=untouched sync=false "
      "frames. ! queue ! adainstyle name=painter ! appsink name=painted sync=false";
  GError* error = nullptr;
  const test::GstPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(description.c_str(), &error))));
  if (error != nullptr) {
    ADD_FAILURE() << test::GstPtr<GError>(error)->message;
    return {};
  }
  const auto child = [&pipeline](const char* name) {
    return test::GstPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
  };
  char* uri = gst_filename_to_uri(clip.c_str(), nullptr);
  g_object_set(child("clip").get(), "uri", uri, nullptr);
  g_free(uri);
  g_object_set(child("painter").get(), "style-image", style.c_str(), nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);

  const test::GstPtr<GstElement> untouched = child("untouched");
  const test::GstPtr<GstElement> painted = child("painted");
  std::vector<FramePair> pairs;
  for (;;) {
    const test::GstPtr<GstSample> before(gst_app_sink_try_pull_sample(GST_APP_SINK(untouched.get()), kPatience));
    const test::GstPtr<GstSample> after(gst_app_sink_try_pull_sample(GST_APP_SINK(painted.get()), kPatience));
    if (!before || !after) break;
    EXPECT_EQ(GST_BUFFER_PTS(gst_sample_get_buffer(before.get())), GST_BUFFER_PTS(gst_sample_get_buffer(after.get())));
    pairs.push_back({to_picture(before.get()), to_picture(after.get())});
  }
  const test::GstPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const test::GstPtr<GstMessage> trouble(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  if (trouble) {
    gst_message_parse_error(trouble.get(), &error, nullptr);
    ADD_FAILURE() << test::GstPtr<GError>(error)->message;
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return pairs;
}

// Huang & Belongie 2017, eq. 13: squared differences of the means and of the standard deviations, summed over relu1_1 to relu4_1.
double style_distance(const std::vector<ChannelStatistics>& a, const std::vector<ChannelStatistics>& b) {
  double sum = 0;
  for (std::size_t tap = 0; tap < a.size(); ++tap) {
    sum += (a[tap].mean - b[tap].mean).square().mean().item<double>() + (a[tap].std - b[tap].std).square().mean().item<double>();
  }
  return sum;
}

class StyleDistance : public ::testing::TestWithParam<const char*> {};

TEST_P(StyleDistance, FallsBelowHalf) {
  ADAINSTYLE_NEEDS_SHARED(kVggWeights);
  const char* clip = std::getenv("ADAINSTYLE_CLIP");
  const char* styles = std::getenv("ADAINSTYLE_STYLE_DIR");
  ASSERT_TRUE(clip != nullptr && styles != nullptr);
  if (!test::path_exists(clip)) {
    if (test::in_continuous_integration()) FAIL() << clip << " is missing";
    GTEST_SKIP() << clip << " is not here; scripts/fetch_clip.sh fetches it";
  }

  const c10::InferenceMode no_gradients;
  const Network vgg = preset_network("vgg19");
  const TensorMap weights = to_tensors(read_safetensors(test::shared_path(kVggWeights)).tensors);
  const auto taps = [&](const at::Tensor& picture) { return plain_encode(vgg, weights, picture).taps; };

  const std::string style_path = std::string(styles) + "/" + GetParam() + ".jpg";
  const DecodedImage style = read_image(style_path, kStyleSize);
  const std::vector<ChannelStatistics> wanted = taps(to_picture(style.rgb.data(), style.width, style.height, style.width * 3));
  const std::vector<FramePair> frames = paint_clip(clip, style_path);
  ASSERT_GE(frames.size(), 5u);
  double before = 0;
  double after = 0;
  for (const FramePair& frame : frames) {
    ASSERT_TRUE(frame.untouched.defined() && frame.painted.defined());
    before += style_distance(taps(frame.untouched), wanted);
    after += style_distance(taps(frame.painted), wanted);
  }
  RecordProperty("ls_untouched", std::to_string(before / static_cast<double>(frames.size())));
  RecordProperty("ls_painted", std::to_string(after / static_cast<double>(frames.size())));
  EXPECT_LT(after, 0.5 * before);
}

INSTANTIATE_TEST_SUITE_P(Styles, StyleDistance, ::testing::Values("stained_glass", "woodcut", "swirls"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace adainstyle

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
