// SPDX-License-Identifier: MIT
#include "frames.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <gst/video/video.h>

#include "element_state.h"
#include "error_mapping.h"
#include "frame_mapping.h"
#include "style_children.h"

GST_DEBUG_CATEGORY_EXTERN(adainstyle_debug);
#define GST_CAT_DEFAULT adainstyle_debug

namespace adainstyle::gst {
namespace {

// A frame without a time stamp, in a stream without a frame rate, is taken to last this long.
constexpr GstClockTime kUsualDuration = GST_SECOND / 25;

void before_transform(GstBaseTransform* transform, GstBuffer* buffer) {
  const GstClockTime time = gst_segment_to_stream_time(&transform->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(time)) return;
  gst_object_sync_values(GST_OBJECT(transform), time);
  sync_children(GST_ELEMENT(transform), time);
}

// Counts the frames that the base class skips because they are late.
GstFlowReturn submit_input_buffer(GstBaseTransform* transform, gboolean discont, GstBuffer* buffer) {
  const GstFlowReturn result = base_class()->submit_input_buffer(transform, discont, buffer);
  if (result == GST_BASE_TRANSFORM_FLOW_DROPPED) ++state_of(transform).dropped;
  return result;
}

// When the frame is shown, which never goes back but after a flush. Frames without a time stamp follow one another.
GstClockTime frame_time(GstBaseTransform* transform, ElementState& state, GstBuffer* buffer) {
  GstClockTime time = gst_segment_to_running_time(&transform->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!GST_CLOCK_TIME_IS_VALID(time)) {
    const GstVideoInfo& info = state.info;
    const bool has_rate = GST_VIDEO_INFO_FPS_N(&info) > 0;
    time = state.last_time + (has_rate
                                  ? gst_util_uint64_scale_int(GST_SECOND, GST_VIDEO_INFO_FPS_D(&info), GST_VIDEO_INFO_FPS_N(&info))
                                  : kUsualDuration);
  }
  state.last_time = time;
  return time;
}

FrameParameters frame_parameters(ElementState& state, GstClockTime time) {
  FrameParameters parameters;
  StyleShares shares;
  {
    const std::lock_guard guard(state.lock);
    const Settings& settings = state.settings;
    shares = settings.shares;
    parameters.strength = settings.strength;
    parameters.transition_ns = static_cast<std::int64_t>(settings.transition_ns);
    parameters.smoothing_ms = static_cast<float>(settings.smoothing_ms);
    parameters.preserve_color = settings.preserve_color;
    parameters.stabilization = settings.stabilization;
    parameters.static_skip = settings.static_skip;
    parameters.mask_feather = settings.mask_feather;
    parameters.processing_height = settings.processing_height;
  }
  parameters.time_ns = static_cast<std::int64_t>(time);
  parameters.style = state.styles->mixed(shares);
  parameters.mask = state.styles->mask();
  parameters.outside_style = state.styles->outside();
  return parameters;
}

// Has the styles loaded anew where the frames' colours have moved.
void follow_colors(ElementState& state, PreserveColor preserve_color) {
  if (preserve_color == PreserveColor::kMatch) {
    if (const auto colors = state.stylizer->changed_colors()) state.styles->set_colors(colors);
  } else if (state.styles->has_colors()) {
    state.styles->set_colors(std::nullopt);
  }
}

// In system memory. Returns the buffer that does not hold a frame, or null.
GstBuffer* paint(const GstVideoInfo& info, GstBuffer* in_buffer, GstBuffer* out_buffer, const GpuMemory::Painter& painter) {
  const MappedFrame input(info, in_buffer, GST_MAP_READ);
  if (!input.valid()) return in_buffer;
  MappedFrame output(info, out_buffer, GST_MAP_WRITE);
  if (!output.valid()) return out_buffer;
  painter(input.view(), output.mutable_view());
  return nullptr;
}

// Says once that frames do not fit into memory, and again when the number of tiles changes.
void report_tiles(GstElement* element, ElementState& state) {
  const int tiles = state.stylizer->info().tiles;
  if (tiles == state.tiles) return;
  state.tiles = tiles;
  if (tiles == 1) return;
  GST_ELEMENT_WARNING(element, RESOURCE, NO_SPACE_LEFT,
                      ("Frames of %dx%d do not fit into memory and are painted in %d tiles, which takes longer.",
                       GST_VIDEO_INFO_WIDTH(&state.info), GST_VIDEO_INFO_HEIGHT(&state.info), tiles),
                      ("Raise memory-limit, or use smaller frames or processing-height."));
}

// Says once what the stylizer has to say of how frames are painted.
void report_notice(GstElement* element, ElementState& state) {
  std::string notice = state.stylizer->info().notice;
  if (notice == state.notice) return;
  state.notice = std::move(notice);
  if (!state.notice.empty()) GST_ELEMENT_WARNING(element, LIBRARY, FAILED, ("%s", state.notice.c_str()), (nullptr));
}

GstFlowReturn transform_frame(GstBaseTransform* transform, GstBuffer* in_buffer, GstBuffer* out_buffer) {
  GstElement* element = GST_ELEMENT(transform);
  return guarded(element, Phase::kRunning, GST_FLOW_ERROR, [&] {
    ElementState& state = state_of(element);
    const GstClockTime begin = gst_util_get_timestamp();
    const auto painter = [&](const ImageView& input, const MutableImageView& output) {
      const FrameParameters parameters = frame_parameters(state, frame_time(transform, state, in_buffer));
      state.stylizer->process(input, output, parameters);
      follow_colors(state, parameters.preserve_color);
    };
    GstBuffer* faulty = state.gpu_frames != nullptr ? state.gpu_frames->paint(state.info, in_buffer, out_buffer, painter)
                                                    : paint(state.info, in_buffer, out_buffer, painter);
    if (faulty != nullptr) {
      GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("A video buffer does not hold the frame that its caps promise."),
                        ("%s buffer %" GST_PTR_FORMAT, faulty == in_buffer ? "input" : "output", faulty));
      return GST_FLOW_ERROR;
    }
    report_tiles(element, state);
    report_notice(element, state);
    if (state.latency.add(gst_util_get_timestamp() - begin)) {
      GST_INFO_OBJECT(element, "latency is now %" GST_TIME_FORMAT, GST_TIME_ARGS(state.latency.latency()));
      gst_element_post_message(element, gst_message_new_latency(GST_OBJECT(element)));
    }
    return GST_FLOW_OK;
  });
}

}  // namespace

void install_frames(GstBaseTransformClass* transform_class) {
  transform_class->submit_input_buffer = submit_input_buffer;
  transform_class->before_transform = before_transform;
  transform_class->transform = transform_frame;
}

}  // namespace adainstyle::gst
