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

#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core_library.h"
#include "element_state.h"
#include "error_mapping.h"
#include "frames.h"
#include "negotiation.h"
#include "properties.h"
#include "stats.h"
#include "style_actions.h"
#include "style_children.h"
#include "style_messages.h"
#include "style_switcher.h"

GST_DEBUG_CATEGORY(adainstyle_debug);
#define GST_CAT_DEFAULT adainstyle_debug

using namespace adainstyle;
using namespace adainstyle::gst;

struct _GstAdainStyle {
  GstBaseTransform parent;
  ElementState* state;
};

G_DEFINE_FINAL_TYPE_WITH_CODE(GstAdainStyle, gst_adain_style, GST_TYPE_BASE_TRANSFORM,
                              G_IMPLEMENT_INTERFACE(GST_TYPE_PRESET, init_preset)
                                  G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, init_child_proxy)
                                      GST_DEBUG_CATEGORY_INIT(adainstyle_debug, "adainstyle", 0, "style transfer filter"))
GST_ELEMENT_REGISTER_DEFINE(adainstyle, "adainstyle", GST_RANK_NONE, GST_TYPE_ADAIN_STYLE)

ElementState& adainstyle::gst::state_of(gpointer element) { return *GST_ADAIN_STYLE(element)->state; }

namespace {

// noexcept: where memory runs out this early the process ends, as it does in GLib's own allocations.
ElementState* make_state() noexcept { return new ElementState; }

// ---- Properties ----

// With the lock held. Below PAUSED start() sees to it.
void use_source(ElementState& state, StyleTarget target) {
  if (state.styles) state.styles->use(target, state.settings.sources()[static_cast<int>(target)]);
}

// Only writes down what was set: what takes time is done by start(), by the loader's thread or for the next frame.
void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  guarded(GST_ELEMENT(object), Phase::kRunning, false, [&] {
    ElementState& state = state_of(object);
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
  fit_children(GST_ELEMENT(object));
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  guarded(GST_ELEMENT(object), Phase::kRunning, false, [&] {
    ElementState& state = state_of(object);
    const std::lock_guard guard(state.lock);
    if (id == kStatsProperty) {
      g_value_take_boxed(value, make_stats(state.stylizer.get(), state.dropped));
    } else if (!read_property(state.settings, id, value)) {
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
    return true;
  });
}

void dispose(GObject* object) {
  drop_children(GST_ELEMENT(object));
  G_OBJECT_CLASS(gst_adain_style_parent_class)->dispose(object);
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
    ElementState& state = state_of(element);
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
  ElementState& state = state_of(transform);
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

gboolean answer_query(GstBaseTransform* transform, GstPadDirection direction, GstQuery* query) {
  if (is_gpu_context_query(query) && state_of(transform).gpu.answer(GST_ELEMENT(transform), query)) return TRUE;
  if (!base_class()->query(transform, direction, query)) return FALSE;
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
  object_class->dispose = dispose;
  object_class->finalize = finalize;
  install_properties(object_class);
  install_style_signal(object_class);
  install_actions(object_class);
  gst_type_mark_as_plugin_api(GST_TYPE_ADAIN_STYLE_CHILD, static_cast<GstPluginAPIFlags>(0));

  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_set_static_metadata(element_class, "AdaIN style transfer", "Filter/Effect/Video",
                                        "Repaints video in the style of a picture with Adaptive Instance Normalisation",
                                        "The adainstyle authors");

  GstBaseTransformClass* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->query = answer_query;
  install_negotiation(transform_class);
  install_frames(transform_class);
}

static void gst_adain_style_init(GstAdainStyle* self) {
  self->state = make_state();
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), TRUE);
}
