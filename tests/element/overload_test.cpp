// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string>
#include <vector>

#include "fake_core_test.h"

// A live source that is faster than the element, with nothing between the two.
namespace adainstyle::test {
namespace {

constexpr int kFrames = 100;                     // four seconds
constexpr GstClockTime kSlow = 12 * GST_SECOND;  // what painting all of them takes

class OverloadTest : public FakeCoreTest {
 protected:
  // How long after its time each frame reached the sink.
  struct Lags {
    GstElement* pipeline;
    std::vector<GstClockTime> lags;

    static void on_frame(GstElement*, GstBuffer* buffer, GstPad*, gpointer self) {
      auto* all = static_cast<Lags*>(self);
      const GstClockTime now = gst_element_get_current_running_time(all->pipeline);
      all->lags.push_back(now > GST_BUFFER_PTS(buffer) ? now - GST_BUFFER_PTS(buffer) : 0);
    }
  };
};

TEST_F(OverloadTest, StaysLiveBySkippingAndCounts) {
  GError* error = nullptr;
  const std::string line = "videotestsrc is-live=true num-buffers=" + std::to_string(kFrames) +
                           " ! video/x-raw,format=RGB,width=32,height=20,framerate=25/1 ! adainstyle name=painter "
                           "style-image=\"value\\=1\" model=\"sleep-ms\\=120\" ! fakesink name=sink sync=true qos=true "
                           "signal-handoffs=true";
  const ElementPtr pipeline(gst_parse_launch(line.c_str(), &error));
  ASSERT_EQ(error, nullptr) << error->message;
  const ElementPtr painter(gst_bin_get_by_name(GST_BIN(pipeline.get()), "painter"));
  const ElementPtr sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  const BusPtr bus(gst_element_get_bus(pipeline.get()));
  Lags lags{pipeline.get(), {}};
  g_signal_connect(sink.get(), "handoff", G_CALLBACK(Lags::on_frame), &lags);
  ASSERT_NE(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  while (const MessagePtr message =
             next_message(bus.get(), static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_LATENCY))) {
    if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_LATENCY) {
      EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
      break;
    }
    gst_bin_recalculate_latency(GST_BIN(pipeline.get()));  // as an application does
  }
  GstStructure* stats = nullptr;
  g_object_get(painter.get(), "stats", &stats, nullptr);
  guint64 frames = 0, dropped = 0;
  gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "dropped", G_TYPE_UINT64, &dropped, nullptr);
  gst_structure_free(stats);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);

  EXPECT_EQ(frames + dropped, static_cast<guint64>(kFrames));
  EXPECT_GT(dropped, frames);  // a third can be painted
  EXPECT_GT(frames, 5u);
  ASSERT_EQ(lags.lags.size(), frames);
  // Without skipping the last frame would be eight seconds late.
  EXPECT_LT(lags.lags.back(), (kSlow - kFrames * 40 * GST_MSECOND) / 3);
}

}  // namespace
}  // namespace adainstyle::test
