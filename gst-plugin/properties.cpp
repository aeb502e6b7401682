// SPDX-License-Identifier: MIT
#include "properties.h"

namespace {

using adainstyle::Precision;

enum PropertyId : guint {
  PROP_STYLE_IMAGE = 1,
  PROP_STYLE_SIZE,
  PROP_MODEL,
  PROP_STRENGTH,
  PROP_DEVICE,
  PROP_PRECISION,
  PROP_THREADS,
};

constexpr int kMaxStyleSize = 4096;
constexpr int kMaxThreads = 1024;

constexpr auto kAnyTime = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
constexpr auto kControllable = static_cast<GParamFlags>(kAnyTime | GST_PARAM_CONTROLLABLE);
constexpr auto kBeforeStart = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

std::string string_of(const GValue* value) {
  const gchar* text = g_value_get_string(value);
  return text != nullptr ? text : "";
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

namespace adainstyle::gst {

void install_properties(GObjectClass* object_class) {
  const Settings defaults;
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
          "(0 = as it is)",
          0, kMaxStyleSize, defaults.style.style_size, kAnyTime));
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
  gst_type_mark_as_plugin_api(GST_TYPE_ADAIN_STYLE_PRECISION, static_cast<GstPluginAPIFlags>(0));
}

Effect write_property(Settings& settings, guint id, const GValue* value) {
  switch (id) {
    case PROP_STYLE_IMAGE: settings.style.path = string_of(value); return Effect::kNewStyle;
    case PROP_STYLE_SIZE: settings.style.style_size = g_value_get_int(value); return Effect::kNewStyle;
    case PROP_MODEL: settings.stylizer.model_path = string_of(value); return Effect::kNextStart;
    case PROP_STRENGTH: settings.strength = g_value_get_float(value); return Effect::kNextFrame;
    case PROP_DEVICE: settings.stylizer.device = string_of(value); return Effect::kNextStart;
    case PROP_PRECISION: settings.stylizer.precision = static_cast<Precision>(g_value_get_enum(value)); return Effect::kNextStart;
    case PROP_THREADS: settings.stylizer.threads = g_value_get_int(value); return Effect::kNextStart;
    default: return Effect::kUnknownProperty;
  }
}

bool read_property(const Settings& settings, guint id, GValue* value) {
  switch (id) {
    case PROP_STYLE_IMAGE: set_path(value, settings.style.path); return true;
    case PROP_STYLE_SIZE: g_value_set_int(value, settings.style.style_size); return true;
    case PROP_MODEL: set_path(value, settings.stylizer.model_path); return true;
    case PROP_STRENGTH: g_value_set_float(value, settings.strength); return true;
    case PROP_DEVICE: g_value_set_string(value, settings.stylizer.device.c_str()); return true;
    case PROP_PRECISION: g_value_set_enum(value, static_cast<gint>(settings.stylizer.precision)); return true;
    case PROP_THREADS: g_value_set_int(value, settings.stylizer.threads); return true;
    default: return false;
  }
}

}  // namespace adainstyle::gst
