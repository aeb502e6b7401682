// SPDX-License-Identifier: MIT

/**
 * SECTION:element-adainstyle
 * @title: adainstyle
 * @short_description: repaints video in the style of a picture
 *
 * Repaints every frame in the manner of a picture that the user names, with Adaptive Instance Normalisation (Huang & Belongie
 * 2017): the frame is encoded by a convolutional network, each feature channel is given the mean and the standard deviation that
 * it has in the style picture, and the result is decoded.
 *
 * The picture may be changed while the stream plays: #GstAdainStyle:style-image is loaded in the background and used as soon as
 * it is ready, with a fade of #GstAdainStyle:transition-time. Everything numeric that may change while playing can be animated with
 * a controller. docs/live-controls.md describes all of it.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc ! video/x-raw,width=640,height=360 ! videoconvert ! adainstyle style-image=style.jpg ! videoconvert !
 * autovideosink
 * ]| Shows the test picture in the style of style.jpg.
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! adainstyle style-image=style.jpg strength=0.7 ! videoconvert
 * ! x264enc ! mp4mux ! filesink location=out.mp4
 * ]| Repaints a file at a strength of 0.7.
 *
 * Since: 0.1
 */

#include "adainstyle_element.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <gst/video/video.h>

#include "core_library.h"
#include "error_mapping.h"
#include "frame_mapping.h"
#include "gpu_link.h"
#include "gpu_memory.h"
#include "latency.h"
#include "properties.h"
#include "stats.h"
#include "style_messages.h"
#include "style_switcher.h"
#include "system_memory.h"

GST_DEBUG_CATEGORY(adainstyle_debug);
#define GST_CAT_DEFAULT adainstyle_debug

namespace {

using namespace adainstyle;
using namespace adainstyle::gst;

// Interlaced frames are refused: the two fields of a moving picture would be painted as one.
#define CAPS_OF(type, formats)                                                   \
  type ", format = (string) " formats                                            \
       ", width = (int) [ 16, 2147483647 ], height = (int) [ 16, 2147483647 ], " \
       "framerate = (fraction) [ 0/1, 2147483647/1 ], interlace-mode = (string) progressive"

#ifdef ADAINSTYLE_HAVE_GST_CUDA
#define ADAINSTYLE_CAPS \
  CAPS_OF("video/x-raw(memory:CUDAMemory)", ADAINSTYLE_GPU_VIDEO_FORMATS) "; " CAPS_OF("video/x-raw", ADAINSTYLE_VIDEO_FORMATS)
#else
#define ADAINSTYLE_CAPS CAPS_OF("video/x-raw", ADAINSTYLE_VIDEO_FORMATS)
#endif

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(ADAINSTYLE_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ADAINSTYLE_CAPS));

// A frame without a time stamp, in a stream without a frame rate, is taken to last this long.
constexpr GstClockTime kUsualDuration = GST_SECOND / 25;

// The element's state. Destroyed in reverse order: the switcher, whose thread uses the stylizer, before the stylizer.
struct State {
  // Where the element is set to compute. Throws Error for a device that is not there.
  Device find_device() {
    std::string name;
    {
      const std::lock_guard guard(lock);
      name = settings.stylizer.device;
    }
    return open_core_library().find_device(name);
  }

  std::mutex lock;                        // guards settings and the two pointers start..stop; held for what returns at once only
  Settings settings;                      // what the user set
  const CoreEntry* core = nullptr;        // from READY on
  std::unique_ptr<Stylizer> stylizer;     // start..stop
  std::unique_ptr<StyleSwitcher> styles;  // start..stop

  GpuLink gpu{[this] { return find_device(); }};

  std::atomic<std::uint64_t> dropped = 0;  // frames that were too late to be painted, since start
  LatencyMeter latency;

  // Streaming thread only.
  GstVideoInfo info = {};           // of both pads
  GpuMemory* gpu_frames = nullptr;  // where the pads' caps are of GPU memory
  GstClockTime last_time = 0;       // running time of the last frame
  int tiles = 1;                    // that the last frame was painted in
};

}  // namespace

struct _GstAdainStyle {
  GstBaseTransform parent;
  State* state;
};

G_DEFINE_FINAL_TYPE_WITH_CODE(GstAdainStyle, gst_adain_style, GST_TYPE_BASE_TRANSFORM,
                              G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, nullptr)
                                  GST_DEBUG_CATEGORY_INIT(adainstyle_debug, "adainstyle", 0, "style transfer filter"))
GST_ELEMENT_REGISTER_DEFINE(adainstyle, "adainstyle", GST_RANK_NONE, GST_TYPE_ADAIN_STYLE)

namespace {

State& state_of(gpointer object) { return *GST_ADAIN_STYLE(object)->state; }

// noexcept: where memory runs out this early the process ends, as it does in GLib's own allocations.
State* make_state() noexcept { return new State; }

// ---- Properties ----

// With the lock held. Below PAUSED start() sees to it.
void use_source(State& state, StyleTarget target) {
  if (state.styles) state.styles->use(target, state.settings.sources()[static_cast<int>(target)]);
}

// Only writes down what was set: what takes time is done by start(), by the loader's thread or for the next frame.
void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  guarded(GST_ELEMENT(object), Phase::kRunning, false, [&] {
    State& state = state_of(object);
    const std::lock_guard guard(state.lock);
    switch (write_property(state.settings, id, value)) {
      case Effect::kUnknownProperty: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec); break;
      case Effect::kNewStyle: use_source(state, StyleTarget::kFrame); break;
      case Effect::kNewOutside: use_source(state, StyleTarget::kOutside); break;
      case Effect::kNewStyles:
        use_source(state, StyleTarget::kFrame);
        if (!state.settings.mask_style.empty()) use_source(state, StyleTarget::kOutside);
        break;
      case Effect::kNewMask: use_source(state, StyleTarget::kMask); break;
      case Effect::kNextStart:
        if (state.styles) GST_WARNING_OBJECT(object, "%s takes effect when the element goes through READY", spec->name);
        break;
      case Effect::kNextFrame: break;
    }
    return true;
  });
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  guarded(GST_ELEMENT(object), Phase::kRunning, false, [&] {
    State& state = state_of(object);
    const std::lock_guard guard(state.lock);
    if (id == kStatsProperty) {
      g_value_take_boxed(value, make_stats(state.stylizer.get(), state.dropped));
    } else if (!read_property(state.settings, id, value)) {
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
    return true;
  });
}

// ---- Action signals ----

gboolean preload_style(GstElement* element, const gchar* name, const gchar* path) {
  return guarded(element, Phase::kRunning, FALSE, [&]() -> gboolean {
    State& state = state_of(element);
    const std::lock_guard guard(state.lock);
    if (!state.styles || name == nullptr || *name == '\0' || path == nullptr) return FALSE;
    state.styles->preload(name, {{path}, state.settings.style_size});
    return TRUE;
  });
}

gboolean use_style(GstElement* element, const gchar* name) {
  return guarded(element, Phase::kRunning, FALSE, [&]() -> gboolean {
    State& state = state_of(element);
    const std::lock_guard guard(state.lock);
    return state.styles && name != nullptr && state.styles->use_preloaded(name);
  });
}

void install_actions(GObjectClass* object_class) {
  const GType type = G_OBJECT_CLASS_TYPE(object_class);
  const auto flags = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  // preload-style (name, path): loads a style picture in the background and keeps it under the name until the element stops;
  // another of that name replaces it. Returns FALSE where the element is not at least PAUSED. The result is announced like that of
  // any other style.
  g_signal_new_class_handler("preload-style", type, flags, G_CALLBACK(preload_style), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 2,
                             G_TYPE_STRING, G_TYPE_STRING);
  // use-style (name): switches to a style that is kept, from the next frame on. Returns FALSE where none is kept under the name.
  g_signal_new_class_handler("use-style", type, flags, G_CALLBACK(use_style), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1,
                             G_TYPE_STRING);
}

void finalize(GObject* object) {
  delete GST_ADAIN_STYLE(object)->state;
  G_OBJECT_CLASS(gst_adain_style_parent_class)->finalize(object);
}

// ---- States ----

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    const bool opened = guarded(element, Phase::kOpening, false, [&] {
      state_of(element).core = &open_core_library();
      state_of(element).gpu.open(element);
      return true;
    });
    if (!opened) return GST_STATE_CHANGE_FAILURE;
  }
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(gst_adain_style_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) state_of(element).gpu.close();
  return result;
}

// Runs on the loader's thread.
void report_style(GstElement* element, const StyleReport& report) noexcept {
  if (report.error) {
    try {
      std::rethrow_exception(report.error);
    } catch (...) {
      post_current_exception(element, GST_MESSAGE_WARNING, Phase::kRunning,
                             !report.name.empty()                  ? ""
                             : report.target == StyleTarget::kMask ? "The old mask stays in use: "
                                                                   : "The old style stays in use: ");
    }
  } else {
    GST_INFO_OBJECT(element, "style %s is ready", report.source.paths.front().c_str());
  }
  announce_style(element, report);
}

// READY -> PAUSED. The first styles and the mask are loaded here, so that the first frame has them and a bad path is an error.
gboolean start(GstBaseTransform* transform) {
  GstElement* element = GST_ELEMENT(transform);
  return guarded(element, Phase::kOpening, FALSE, [&] {
    State& state = state_of(element);
    Settings settings;
    {
      const std::lock_guard guard(state.lock);
      settings = state.settings;
    }
    state.gpu.open(element);  // the device may have been changed in READY
    const StyleSources sources = settings.sources();
    auto stylizer = state.core->open_stylizer(settings.stylizer);
    auto styles = std::make_unique<StyleSwitcher>(*stylizer, sources,
                                                  [element](const StyleReport& report) { report_style(element, report); });
    state.latency.reset();
    state.dropped = 0;
    state.last_time = 0;
    state.tiles = 1;
    {
      const std::lock_guard guard(state.lock);
      state.stylizer = std::move(stylizer);
      state.styles = std::move(styles);
      // What was set while the first ones were being loaded found no switcher.
      for (const StyleTarget target : {StyleTarget::kFrame, StyleTarget::kOutside, StyleTarget::kMask}) {
        const auto at = static_cast<int>(target);
        if (state.settings.sources()[at] != sources[at]) use_source(state, target);
      }
    }
    for (const StyleTarget target : {StyleTarget::kFrame, StyleTarget::kOutside, StyleTarget::kMask}) {
      const StyleSource& source = sources[static_cast<int>(target)];
      if (!source.paths.empty()) announce_style(element, {source, "", false, target, nullptr});
    }
    return TRUE;
  });
}

// PAUSED -> READY. Also gives the model's memory back.
gboolean stop(GstBaseTransform* transform) {
  State& state = state_of(transform);
  std::unique_ptr<StyleSwitcher> styles;
  std::unique_ptr<Stylizer> stylizer;
  {
    const std::lock_guard guard(state.lock);
    styles = std::move(state.styles);
    stylizer = std::move(state.stylizer);
  }
  styles.reset();  // before the stylizer: waits for a style being loaded
  state.gpu_frames = nullptr;
  return TRUE;
}

// ---- Caps and buffers ----

// Frames stay where they are: what comes in GPU memory leaves in GPU memory. On a CPU only system memory is negotiated.
GstCaps* transform_caps(GstBaseTransform* transform, GstPadDirection, GstCaps* caps, GstCaps* filter) {
  GstCaps* other_caps = gst_caps_copy(caps);
  if (state_of(transform).gpu.only_system_memory()) {
    const auto keep = [](GstCapsFeatures* features, GstStructure*, gpointer) -> gboolean { return !is_gpu_features(features); };
    gst_caps_filter_and_map_in_place(other_caps, keep, nullptr);
  }
  if (filter == nullptr) return other_caps;
  GstCaps* filtered = gst_caps_intersect_full(filter, other_caps, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(other_caps);
  return filtered;
}

// Both sides have the same caps to the letter: the base class alone would write out fields that the template has and the input
// leaves to their defaults.
GstCaps* fixate_caps(GstBaseTransform*, GstPadDirection, GstCaps* caps, GstCaps* other_caps) {
  gst_caps_unref(other_caps);
  return gst_caps_ref(caps);
}

gboolean set_caps(GstBaseTransform* transform, GstCaps* in_caps, GstCaps*) {
  State& state = state_of(transform);
  if (!gst_video_info_from_caps(&state.info, in_caps)) {
    GST_ERROR_OBJECT(transform, "invalid caps %" GST_PTR_FORMAT, in_caps);
    return FALSE;
  }
  const bool on_gpu = is_gpu_features(gst_caps_get_features(in_caps, 0));
  state.gpu_frames = on_gpu ? state.gpu.memory() : nullptr;
  if (on_gpu && state.gpu_frames == nullptr) {
    GST_ERROR_OBJECT(transform, "frames in GPU memory, but the device is the CPU");
    return FALSE;
  }
  state.latency.restart();
  return TRUE;
}

// Whether an ALLOCATION query is about frames in GPU memory.
bool asks_for_gpu_memory(GstQuery* query) {
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  return caps != nullptr && gst_caps_get_size(caps) > 0 && is_gpu_features(gst_caps_get_features(caps, 0));
}

gboolean propose_allocation(GstBaseTransform* transform, GstQuery* decide_query, GstQuery* query) {
  if (!GST_BASE_TRANSFORM_CLASS(gst_adain_style_parent_class)->propose_allocation(transform, decide_query, query)) return FALSE;
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  const GpuMemory* gpu = state_of(transform).gpu_frames;
  if (gpu != nullptr && asks_for_gpu_memory(query)) gpu->propose(query);
  return TRUE;
}

gboolean decide_allocation(GstBaseTransform* transform, GstQuery* query) {
  GstElement* element = GST_ELEMENT(transform);
  const GpuMemory* gpu = state_of(transform).gpu_frames;
  const bool decided = guarded(element, Phase::kRunning, false, [&] {
    if (gpu == nullptr) return decide_system_pool(element, query);
    gpu->decide(query);
    return true;
  });
  return decided && GST_BASE_TRANSFORM_CLASS(gst_adain_style_parent_class)->decide_allocation(transform, query);
}

// The base class tells nobody why it has no buffer.
GstFlowReturn prepare_output_buffer(GstBaseTransform* transform, GstBuffer* input, GstBuffer** output) {
  const GstFlowReturn result =
      GST_BASE_TRANSFORM_CLASS(gst_adain_style_parent_class)->prepare_output_buffer(transform, input, output);
  if (result == GST_FLOW_ERROR && state_of(transform).gpu_frames != nullptr) {
    GST_ELEMENT_ERROR(
        transform, RESOURCE, NO_SPACE_LEFT,
        ("The GPU gave no memory for an output frame. Give the element smaller frames or free some of the GPU's memory; if "
         "the driver reports faults, the device is lost and the process has to start anew."),
        ("no buffer from the output pool"));
  }
  return result;
}

// Size, orientation and colour space stay as they are, so every meta stays true. The base class leaves out those about memory.
gboolean transform_meta(GstBaseTransform*, GstBuffer*, GstMeta*, GstBuffer*) { return TRUE; }
gboolean filter_meta(GstBaseTransform*, GstQuery*, GType, const GstStructure*) { return TRUE; }

// ---- Frames ----

void before_transform(GstBaseTransform* transform, GstBuffer* buffer) {
  const GstClockTime time = gst_segment_to_stream_time(&transform->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(transform), time);
}

// Counts the frames that the base class skips because they are late.
GstFlowReturn submit_input_buffer(GstBaseTransform* transform, gboolean discont, GstBuffer* buffer) {
  const GstFlowReturn result =
      GST_BASE_TRANSFORM_CLASS(gst_adain_style_parent_class)->submit_input_buffer(transform, discont, buffer);
  if (result == GST_BASE_TRANSFORM_FLOW_DROPPED) ++state_of(transform).dropped;
  return result;
}

// When the frame is shown, which never goes back but after a flush. Frames without a time stamp follow one another.
GstClockTime frame_time(GstBaseTransform* transform, State& state, GstBuffer* buffer) {
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

FrameParameters frame_parameters(State& state, GstClockTime time) {
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
void follow_colors(State& state, PreserveColor preserve_color) {
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
void report_tiles(GstElement* element, State& state) {
  const int tiles = state.stylizer->info().tiles;
  if (tiles == state.tiles) return;
  state.tiles = tiles;
  if (tiles == 1) return;
  GST_ELEMENT_WARNING(element, RESOURCE, NO_SPACE_LEFT,
                      ("Frames of %dx%d do not fit into memory and are painted in %d tiles, which takes longer.",
                       GST_VIDEO_INFO_WIDTH(&state.info), GST_VIDEO_INFO_HEIGHT(&state.info), tiles),
                      ("Raise memory-limit, or use smaller frames or processing-height."));
}

GstFlowReturn transform_frame(GstBaseTransform* transform, GstBuffer* in_buffer, GstBuffer* out_buffer) {
  GstElement* element = GST_ELEMENT(transform);
  return guarded(element, Phase::kRunning, GST_FLOW_ERROR, [&] {
    State& state = state_of(element);
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
    if (state.latency.add(gst_util_get_timestamp() - begin)) {
      GST_INFO_OBJECT(element, "latency is now %" GST_TIME_FORMAT, GST_TIME_ARGS(state.latency.latency()));
      gst_element_post_message(element, gst_message_new_latency(GST_OBJECT(element)));
    }
    return GST_FLOW_OK;
  });
}

gboolean answer_query(GstBaseTransform* transform, GstPadDirection direction, GstQuery* query) {
  if (is_gpu_context_query(query) && state_of(transform).gpu.answer(GST_ELEMENT(transform), query)) return TRUE;
  if (!GST_BASE_TRANSFORM_CLASS(gst_adain_style_parent_class)->query(transform, direction, query)) return FALSE;
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && direction == GST_PAD_SRC) {
    gboolean live = FALSE;
    GstClockTime min = 0, max = 0;
    gst_query_parse_latency(query, &live, &min, &max);
    const GstClockTime own = state_of(transform).latency.latency();
    gst_query_set_latency(query, live, min + own, GST_CLOCK_TIME_IS_VALID(max) ? max + own : max);
  }
  return TRUE;
}

}  // namespace

static void gst_adain_style_class_init(GstAdainStyleClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);
  install_style_signal(object_class);
  install_actions(object_class);

  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "AdaIN style transfer", "Filter/Effect/Video",
                                        "Repaints video in the style of a picture with Adaptive Instance Normalisation",
                                        "The adainstyle authors");

  GstBaseTransformClass* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->transform_caps = transform_caps;
  transform_class->fixate_caps = fixate_caps;
  transform_class->set_caps = set_caps;
  transform_class->propose_allocation = propose_allocation;
  transform_class->decide_allocation = decide_allocation;
  transform_class->prepare_output_buffer = prepare_output_buffer;
  transform_class->transform_meta = transform_meta;
  transform_class->filter_meta = filter_meta;
  transform_class->submit_input_buffer = submit_input_buffer;
  transform_class->before_transform = before_transform;
  transform_class->transform = transform_frame;
  transform_class->query = answer_query;
}

static void gst_adain_style_init(GstAdainStyle* self) {
  self->state = make_state();
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
