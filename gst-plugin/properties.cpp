// SPDX-License-Identifier: MIT
#include "properties.h"

namespace {

using adainstyle::Precision;
using adainstyle::PreserveColor;

enum PropertyId : guint {
  PROP_STYLE_IMAGE = 1,
  PROP_STYLE_SIZE,
  PROP_MODEL,
  PROP_STRENGTH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
  PROP_MEMORY_LIMIT,
  PROP_STYLE_IMAGES,
  PROP_STYLE_WEIGHTS,
  PROP_STYLE_POSITION,
  PROP_TRANSITION_TIME,
  PROP_TEMPORAL_SMOOTHING,
  PROP_PRESERVE_COLOR,
  PROP_STABILIZATION,
  PROP_STATIC_SKIP,
  PROP_MASK,
  PROP_MASK_STYLE,
  PROP_MASK_FEATHER,
  PROP_PROCESSING_HEIGHT,
};

constexpr int kMaxStyleSize = 4096;
constexpr int kMaxThreads = 1024;
constexpr guint kMaxMemoryLimit = 1 << 20;  // MiB
constexpr int kMaxStyles = 64;
constexpr int kMaxProcessingHeight = 16384;
constexpr guint kMaxSmoothing = 60'000;  // ms
constexpr guint64 kMaxTransition = 3600 * GST_SECOND;

constexpr auto kAnyTime = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kControllable = static_cast<GParamFlags>(kAnyTime | GST_PARAM_CONTROLLABLE);
constexpr auto kBeforeStart = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

std::string string_of(const GValue* value) {
  const gchar* text = g_value_get_string(value);
  return text != nullptr ? text : "";
}

std::vector<std::string> strings_of(const GValue* array) {
  std::vector<std::string> strings;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i) strings.push_back(string_of(gst_value_array_get_value(array, i)));
  return strings;
}

std::vector<float> floats_of(const GValue* array) {
  std::vector<float> floats;
  for (guint i = 0; i < gst_value_array_get_size(array); ++i)
    floats.push_back(g_value_get_float(gst_value_array_get_value(array, i)));
  return floats;
}

// Appends to a GstValueArray.
template <typename Set, typename Value>
void append(GValue* array, GType type, const Set& set, const Value& value) {
  GValue element = G_VALUE_INIT;
  g_value_init(&element, type);
  set(&element, value);
  gst_value_array_append_and_take_value(array, &element);
}

// A path that is not set reads as NULL, the default that gst-inspect shows.
void set_path(GValue* value, const std::string& path) { g_value_set_string(value, path.empty() ? nullptr : path.c_str()); }

}  // namespace

GType gst_adain_style_precision_get_type(void) {
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int>(Precision::kAuto), "What the device runs fastest", "auto"},
        {static_cast<int>(Precision::kFp32), "32-bit floating point", "fp32"},
        {static_cast<int>(Precision::kBf16), "16-bit brain floating point", "bf16"},
        {static_cast<int>(Precision::kFp16), "16-bit floating point", "fp16"},
        {0, nullptr, nullptr},
    };
    return g_enum_register_static("GstAdainStylePrecision", values);
  }();
  return type;
}

GType gst_adain_style_preserve_color_get_type(void) {
  static const GType type = [] {
    static const GEnumValue values[] = {
        {static_cast<int>(PreserveColor::kNone), "The style's colours", "none"},
        {static_cast<int>(PreserveColor::kLuma), "The painted brightness on the frame's own chroma", "luma"},
        {static_cast<int>(PreserveColor::kMatch), "Style pictures are given the frames' colours before they are encoded", "match"},
        {0, nullptr, nullptr},
    };
    return g_enum_register_static("GstAdainStylePreserveColor", values);
  }();
  return type;
}

namespace adainstyle::gst {
namespace {

void install_style_properties(GObjectClass* object_class, const Settings& defaults) {
  g_object_class_install_property(
      object_class, PROP_STYLE_IMAGE,
      g_param_spec_string(
          "style-image", "Style image",
          "Path of the picture whose style the frames take (JPEG, PNG, WebP). A change while playing is loaded in the "
          "background; a picture that cannot be loaded leaves the old style in use and posts a warning",
          nullptr, kAnyTime));
  g_object_class_install_property(
      object_class, PROP_STYLE_SIZE,
      g_param_spec_int(
          "style-size", "Style size",
          "Short side, in pixels, that the style picture is resized to before it is encoded: smaller gives finer strokes "
          "(0 = as it is, else 16 or more)",
          0, kMaxStyleSize, defaults.style_size, kControllable));
  g_object_class_install_property(
      object_class, PROP_STYLE_IMAGES,
      gst_param_spec_array("style-images", "Style images",
                           "Paths of several pictures at once, in the shares of style-weights or style-position; not empty: "
                           "used instead of style-image",
                           g_param_spec_string("path", "Path", "Path of a style picture", nullptr, kAnyTime), kAnyTime));
  g_object_class_install_property(
      object_class, PROP_STYLE_WEIGHTS,
      gst_param_spec_array(
          "style-weights", "Style weights",
          "Shares of style-images, in their order, 0 or more; they are divided by their sum, a missing one counts 0, and "
          "none above 0 means equal shares. A change acts on the next frame. Each is also the controllable property weight of "
          "the child style-0, style-1 and so on",
          g_param_spec_float("weight", "Weight", "Share of one style", 0.0f, G_MAXFLOAT, 1.0f, kAnyTime), kAnyTime));
  g_object_class_install_property(
      object_class, PROP_STYLE_POSITION,
      g_param_spec_float(
          "style-position", "Style position",
          "A place in the row of style-images: 0 is the first, 1 the second, 0.5 half of each; one number that leads "
          "through all of them (-1 = style-weights count)",
          -1.0f, kMaxStyles - 1, defaults.shares.position, kControllable));
  g_object_class_install_property(
      object_class, PROP_TRANSITION_TIME,
      g_param_spec_uint64("transition-time", "Transition time",
                          "How long a change to another style fades, in nanoseconds of the stream's time (0 = at once)", 0,
                          kMaxTransition, defaults.transition_ns, kControllable));
}

void install_region_properties(GObjectClass* object_class, const Settings& defaults) {
  g_object_class_install_property(
      object_class, PROP_MASK,
      g_param_spec_string(
          "mask", "Mask",
          "Path of a grey picture, scaled to the frame: white where the frames take style-image, black where they "
          "take mask-style; statistics are taken separately inside and outside. A change while playing is loaded in "
          "the background (NULL = style-image everywhere)",
          nullptr, kAnyTime));
  g_object_class_install_property(
      object_class, PROP_MASK_STYLE,
      g_param_spec_string("mask-style", "Mask style",
                          "Path of the style picture for what lies outside of the mask (NULL = the frames stay as they are there)",
                          nullptr, kAnyTime));
  g_object_class_install_property(
      object_class, PROP_MASK_FEATHER,
      g_param_spec_float("mask-feather", "Mask feather",
                         "Width of the soft edge that the mask is given, in shares of the frame's height (0 = as the mask is)",
                         0.0f, 1.0f, defaults.mask_feather, kControllable));
  g_object_class_install_property(
      object_class, PROP_PROCESSING_HEIGHT,
      g_param_spec_int(
          "processing-height", "Processing height",
          "Height, in pixels, that higher frames are painted at; the painting is brought back to the frame's size along "
          "the frame's own edges. 1 to 15 mean 16 (0 = the frame's own height)",
          0, kMaxProcessingHeight, defaults.processing_height, kControllable));
}

}  // namespace

StyleSources Settings::sources() const {
  StyleSources sources;
  sources[static_cast<int>(StyleTarget::kFrame)] = style_source();
  if (!mask_style.empty()) sources[static_cast<int>(StyleTarget::kOutside)] = {{mask_style}, style_size};
  if (!mask.empty()) sources[static_cast<int>(StyleTarget::kMask)] = {{mask}, 0};
  return sources;
}

StyleSource Settings::style_source() const {
  if (!style_images.empty()) return {style_images, style_size};
  if (!style_image.empty()) return {{style_image}, style_size};
  return {{}, style_size};
}

void install_properties(GObjectClass* object_class) {
  const Settings defaults;
  install_style_properties(object_class, defaults);
  install_region_properties(object_class, defaults);
  g_object_class_install_property(
      object_class, PROP_MODEL,
      g_param_spec_string("model", "Model", "Path of the model file (NULL = the installed default model)", nullptr, kBeforeStart));
  g_object_class_install_property(object_class, PROP_STRENGTH,
                                  g_param_spec_float("strength", "Strength",
                                                     "How far the frames move to the style: 0 (the frame's own style, encoded and "
                                                     "decoded) to 1 (all of it)",
                                                     0.0f, 1.0f, defaults.strength, kControllable));
  g_object_class_install_property(object_class, PROP_DEVICE,
                                  g_param_spec_string("device", "Device", "Where to compute: auto, cpu, cuda or cuda:N",
                                                      defaults.stylizer.device.c_str(), kBeforeStart));
  g_object_class_install_property(
      object_class, PROP_PRECISION,
      g_param_spec_enum("precision", "Precision", "Number format of weights and activations", GST_TYPE_ADAIN_STYLE_PRECISION,
                        static_cast<gint>(defaults.stylizer.precision), kBeforeStart));
  g_object_class_install_property(
      object_class, PROP_THREADS,
      g_param_spec_int("threads", "Threads", "CPU threads that work on one frame (0 = one for each core)", 0, kMaxThreads,
                       defaults.stylizer.threads, kBeforeStart));
  g_object_class_install_property(
      object_class, PROP_MEMORY_LIMIT,
      g_param_spec_uint("memory-limit", "Memory limit",
                        "Mebibytes that the features of a frame may take; a frame in system memory that needs more is painted in "
                        "tiles: the same picture, slower (0 = no limit)",
                        0, kMaxMemoryLimit, 0, kBeforeStart));
  g_object_class_install_property(
      object_class, PROP_TEMPORAL_SMOOTHING,
      g_param_spec_uint(
          "temporal-smoothing", "Temporal smoothing",
          "Time constant, in milliseconds of the stream's time, of the average that the frames' statistics follow, so that "
          "colours do not pump; a scene cut begins it anew (0 = off)",
          0, kMaxSmoothing, defaults.smoothing_ms, kControllable));
  g_object_class_install_property(
      object_class, PROP_PRESERVE_COLOR,
      g_param_spec_enum("preserve-color", "Preserve colour", "What becomes of the frames' own colours",
                        GST_TYPE_ADAIN_STYLE_PRESERVE_COLOR, static_cast<gint>(defaults.preserve_color), kControllable));
  g_object_class_install_property(
      object_class, PROP_STABILIZATION,
      g_param_spec_float("stabilization", "Stabilisation",
                         "How firmly the painting holds where the picture does not change, and follows it where it moves (0 = off)",
                         0.0f, 1.0f, defaults.stabilization, kControllable));
  g_object_class_install_property(
      object_class, PROP_STATIC_SKIP,
      g_param_spec_boolean(
          "static-skip", "Static skip",
          "With stabilization: paint only around what moves, with the statistics of the last whole frame, which is "
          "painted once a second; saves the work where a still camera sees nothing move",
          defaults.static_skip, kControllable));
  g_object_class_install_property(
      object_class, kStatsProperty,
      g_param_spec_boxed("stats", "Statistics",
                         "Frames painted and dropped, milliseconds of the last 256 frames by stage, device, precision and memory",
                         GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  gst_type_mark_as_plugin_api(GST_TYPE_ADAIN_STYLE_PRECISION, static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(GST_TYPE_ADAIN_STYLE_PRESERVE_COLOR, static_cast<GstPluginAPIFlags>(0));
}

Effect write_property(Settings& settings, guint id, const GValue* value) {
  switch (id) {
    case PROP_STYLE_IMAGE: settings.style_image = string_of(value); return Effect::kNewStyle;
    case PROP_STYLE_IMAGES: settings.style_images = strings_of(value); return Effect::kNewStyle;
    case PROP_STYLE_SIZE: {
      // A controller sets it at every frame.
      const bool same = settings.style_size == g_value_get_int(value);
      settings.style_size = g_value_get_int(value);
      return same ? Effect::kNextFrame : Effect::kNewStyles;
    }
    case PROP_STYLE_WEIGHTS: settings.shares.weights = floats_of(value); return Effect::kNextFrame;
    case PROP_STYLE_POSITION: settings.shares.position = g_value_get_float(value); return Effect::kNextFrame;
    case PROP_TRANSITION_TIME: settings.transition_ns = g_value_get_uint64(value); return Effect::kNextFrame;
    case PROP_TEMPORAL_SMOOTHING: settings.smoothing_ms = g_value_get_uint(value); return Effect::kNextFrame;
    case PROP_STABILIZATION: settings.stabilization = g_value_get_float(value); return Effect::kNextFrame;
    case PROP_STATIC_SKIP: settings.static_skip = g_value_get_boolean(value) != FALSE; return Effect::kNextFrame;
    case PROP_MASK: settings.mask = string_of(value); return Effect::kNewMask;
    case PROP_MASK_STYLE: settings.mask_style = string_of(value); return Effect::kNewOutside;
    case PROP_MASK_FEATHER: settings.mask_feather = g_value_get_float(value); return Effect::kNextFrame;
    case PROP_PROCESSING_HEIGHT: settings.processing_height = g_value_get_int(value); return Effect::kNextFrame;
    case PROP_PRESERVE_COLOR:
      settings.preserve_color = static_cast<PreserveColor>(g_value_get_enum(value));
      return Effect::kNextFrame;
    case PROP_MODEL: settings.stylizer.model_path = string_of(value); return Effect::kNextStart;
    case PROP_STRENGTH: settings.strength = g_value_get_float(value); return Effect::kNextFrame;
    case PROP_DEVICE: settings.stylizer.device = string_of(value); return Effect::kNextStart;
    case PROP_PRECISION: settings.stylizer.precision = static_cast<Precision>(g_value_get_enum(value)); return Effect::kNextStart;
    case PROP_THREADS: settings.stylizer.threads = g_value_get_int(value); return Effect::kNextStart;
    case PROP_MEMORY_LIMIT:
      settings.stylizer.memory_limit = static_cast<std::size_t>(g_value_get_uint(value)) << 20;
      return Effect::kNextStart;
    default: return Effect::kUnknownProperty;
  }
}

bool read_property(const Settings& settings, guint id, GValue* value) {
  switch (id) {
    case PROP_STYLE_IMAGE: set_path(value, settings.style_image); return true;
    case PROP_STYLE_IMAGES:
      for (const std::string& path : settings.style_images) append(value, G_TYPE_STRING, g_value_set_string, path.c_str());
      return true;
    case PROP_STYLE_SIZE: g_value_set_int(value, settings.style_size); return true;
    case PROP_STYLE_WEIGHTS:
      for (const float weight : settings.shares.weights) append(value, G_TYPE_FLOAT, g_value_set_float, weight);
      return true;
    case PROP_STYLE_POSITION: g_value_set_float(value, settings.shares.position); return true;
    case PROP_TRANSITION_TIME: g_value_set_uint64(value, settings.transition_ns); return true;
    case PROP_TEMPORAL_SMOOTHING: g_value_set_uint(value, settings.smoothing_ms); return true;
    case PROP_PRESERVE_COLOR: g_value_set_enum(value, static_cast<gint>(settings.preserve_color)); return true;
    case PROP_MODEL: set_path(value, settings.stylizer.model_path); return true;
    case PROP_STRENGTH: g_value_set_float(value, settings.strength); return true;
    case PROP_DEVICE: g_value_set_string(value, settings.stylizer.device.c_str()); return true;
    case PROP_PRECISION: g_value_set_enum(value, static_cast<gint>(settings.stylizer.precision)); return true;
    case PROP_THREADS: g_value_set_int(value, settings.stylizer.threads); return true;
    case PROP_MEMORY_LIMIT: g_value_set_uint(value, static_cast<guint>(settings.stylizer.memory_limit >> 20)); return true;
    case PROP_STABILIZATION: g_value_set_float(value, settings.stabilization); return true;
    case PROP_STATIC_SKIP: g_value_set_boolean(value, settings.static_skip); return true;
    case PROP_MASK: set_path(value, settings.mask); return true;
    case PROP_MASK_STYLE: set_path(value, settings.mask_style); return true;
    case PROP_MASK_FEATHER: g_value_set_float(value, settings.mask_feather); return true;
    case PROP_PROCESSING_HEIGHT: g_value_set_int(value, settings.processing_height); return true;
    default: return false;
  }
}

}  // namespace adainstyle::gst
