// SPDX-License-Identifier: MIT
#include "encoder.h"

#include <algorithm>
#include <utility>

#include <gst/video/video.h>

namespace relay {
namespace {

constexpr GstClockTime kFillAfter = GST_SECOND / 5;
constexpr int kKeyFrameDistance = 50;  // frames
constexpr std::size_t kMaxInFlight = 32;
constexpr GstClockTime kStampTolerance = GST_USECOND;  // encoders round

// What is shown while there is no camera: diagonal bars of two greys, which no camera could be taken for.
BufferPtr make_slate(int width, int height) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, static_cast<guint>(width), static_cast<guint>(height));
  BufferPtr buffer(gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
  gst_buffer_memset(buffer.get(), 0, 128, GST_VIDEO_INFO_SIZE(&info));
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_WRITE)) return buffer;
  auto* luma = static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  const int stride = GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  const int bar = std::max(16, height / 6);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) luma[y * stride + x] = (x + y) / bar % 2 == 0 ? 60 : 80;
  }
  gst_video_frame_unmap(&frame);
  return buffer;
}

double milliseconds(GstClockTime time) { return static_cast<double>(time) / GST_MSECOND; }

GstElement* add_h264_encoder(GstBin* bin, const CameraSettings& settings) {
  GstElement* encoder = add_element(bin, "x264enc");
  gst_util_set_object_arg(G_OBJECT(encoder), "tune", "zerolatency");
  gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "superfast");
  g_object_set(encoder, "bitrate", static_cast<guint>(settings.bitrate), "key-int-max", kKeyFrameDistance, nullptr);
  GstElement* filter = add_element(bin, "capsfilter");
  gst_util_set_object_arg(G_OBJECT(filter), "caps", "video/x-h264, profile=main, stream-format=byte-stream, alignment=au");
  link_elements(encoder, filter);
  return encoder;
}

}  // namespace

Encoder::Encoder(const CameraSettings& settings, SampleHandler encoded)
    : settings_(settings), encoded_(std::move(encoded)), slate_(make_slate(settings.width, settings.height)) {}

ObjectPtr<GstElement> Encoder::build() {
  ObjectPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  GstBin* bin = GST_BIN(pipeline.get());
  GstElement* entry = add_entry(bin, raw_caps("I420", settings_.width, settings_.height).get());
  // The encoder is far faster than the painting; if it is not, the oldest frame goes.
  g_object_set(entry, "max-buffers", guint64{2}, nullptr);
  gst_util_set_object_arg(G_OBJECT(entry), "leaky-type", "downstream");
  GstElement* sink = add_handover(bin, [this](SamplePtr sample) { take_encoded(std::move(sample)); });
  GstElement* parser = nullptr;
  if (settings_.codec == Codec::kH264) {
    GstElement* encoder = add_h264_encoder(bin, settings_);
    parser = add_element(bin, "h264parse");
    link_elements(entry, encoder);
    const ObjectPtr<GstPad> out(gst_element_get_static_pad(encoder, "src"));
    const ObjectPtr<GstPad> filter_in(gst_pad_get_peer(out.get()));
    const ObjectPtr<GstElement> filter(gst_pad_get_parent_element(filter_in.get()));
    link_elements(filter.get(), parser);
  } else {
    parser = add_element(bin, "jpegenc");
    g_object_set(parser, "quality", settings_.quality, nullptr);
    link_elements(entry, parser);
  }
  link_elements(parser, sink);

  const std::lock_guard guard(lock_);
  entry_.reset(GST_ELEMENT(gst_object_ref(entry)));
  exit_.reset(GST_ELEMENT(gst_object_ref(sink)));
  began_ = gst_util_get_timestamp();
  in_flight_.clear();
  return pipeline;
}

void Encoder::submit(GstBuffer* frame, GstClockTime decoded, GstClockTime now) {
  last_push_ = now;
  if (!entry_) return;
  const GstClockTime time = now - began_;
  in_flight_.push_back({time, decoded});
  if (in_flight_.size() > kMaxInFlight) in_flight_.pop_front();
  gst_app_src_push_buffer(GST_APP_SRC(entry_.get()), restamped(frame, time).release());
}

void Encoder::push(SamplePtr sample) {
  GstBuffer* frame = gst_sample_get_buffer(sample.get());
  const std::lock_guard guard(lock_);
  const GstClockTime now = gst_util_get_timestamp();
  last_painted_ = now;
  last_frame_.reset(gst_buffer_ref(frame));
  submit(frame, GST_BUFFER_PTS(frame), now);
}

void Encoder::fill(bool camera_works) {
  const std::lock_guard guard(lock_);
  const GstClockTime now = gst_util_get_timestamp();
  if (now - last_push_ < kFillAfter) return;
  const auto hold = static_cast<GstClockTime>(settings_.hold * GST_SECOND);
  if (!camera_works && last_frame_ && now - last_painted_ > hold) last_frame_.reset();
  ++repeated_;
  submit(last_frame_ ? last_frame_.get() : slate_.get(), GST_CLOCK_TIME_NONE, now);
}

void Encoder::request_key_frame() {
  ObjectPtr<GstElement> sink;
  {
    const std::lock_guard guard(lock_);
    if (!exit_) return;
    sink.reset(GST_ELEMENT(gst_object_ref(exit_.get())));
  }
  const ObjectPtr<GstPad> pad(gst_element_get_static_pad(sink.get(), "sink"));
  gst_pad_push_event(pad.get(), gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
}

// The delay of a frame that was repeated says nothing, nor does that of one that was dropped on the way.
void Encoder::measure(GstClockTime time) {
  const std::lock_guard guard(lock_);
  while (!in_flight_.empty() && in_flight_.front().time <= time + kStampTolerance) {
    const InFlight frame = in_flight_.front();
    in_flight_.pop_front();
    if (frame.time + kStampTolerance < time || !GST_CLOCK_TIME_IS_VALID(frame.decoded)) continue;
    const double delay = milliseconds(gst_util_get_timestamp() - frame.decoded);
    delay_sum_ms_ += delay;
    delay_worst_ms_ = std::max(delay_worst_ms_, delay);
    ++delay_count_;
  }
}

void Encoder::take_encoded(SamplePtr sample) {
  ++encoded_frames_;
  // x264enc shifts the stamps and the segment's start alike.
  const GstClockTime stamp = GST_BUFFER_PTS(gst_sample_get_buffer(sample.get()));
  measure(gst_segment_to_running_time(gst_sample_get_segment(sample.get()), GST_FORMAT_TIME, stamp));
  encoded_(std::move(sample));
}

Delay Encoder::take_delay() {
  const std::lock_guard guard(lock_);
  const Delay delay = {delay_count_ > 0 ? delay_sum_ms_ / delay_count_ : 0, delay_worst_ms_};
  delay_sum_ms_ = delay_worst_ms_ = 0;
  delay_count_ = 0;
  return delay;
}

}  // namespace relay
