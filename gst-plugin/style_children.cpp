// SPDX-License-Identifier: MIT
#include "style_children.h"

#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "element_state.h"
#include "error_mapping.h"

struct _GstAdainStyleChild {
  GstObject parent;
  guint index;
};

G_DEFINE_FINAL_TYPE(GstAdainStyleChild, gst_adain_style_child, GST_TYPE_OBJECT)

namespace {

using namespace adainstyle;
using namespace adainstyle::gst;

enum PropertyId : guint { PROP_PATH = 1, PROP_WEIGHT };

// Calls `use` with the settings of the element that the child belongs to, if there is one left.
template <typename Use>
void with_settings(GObject* object, const Use& use) {
  GstObject* parent = gst_object_get_parent(GST_OBJECT(object));
  if (parent == nullptr) return;
  guarded(GST_ELEMENT(parent), Phase::kRunning, false, [&] {
    ElementState& state = state_of(parent);
    const std::lock_guard guard(state.lock);
    use(state.settings);
    return true;
  });
  gst_object_unref(parent);
}

void set_child_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  if (id != PROP_WEIGHT) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    return;
  }
  const guint index = GST_ADAIN_STYLE_CHILD(object)->index;
  with_settings(object, [&](Settings& settings) {
    std::vector<float>& weights = settings.shares.weights;
    if (weights.size() <= index) weights.resize(index + 1, 0.0f);
    weights[index] = g_value_get_float(value);
  });
}

void get_child_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  const guint index = GST_ADAIN_STYLE_CHILD(object)->index;
  with_settings(object, [&](const Settings& settings) {
    const std::vector<float>& weights = settings.shares.weights;
    switch (id) {
      case PROP_PATH:
        if (index < settings.style_images.size()) g_value_set_string(value, settings.style_images[index].c_str());
        break;
      case PROP_WEIGHT: g_value_set_float(value, index < weights.size() ? weights[index] : 0.0f); break;
      default: G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
  });
}

GObject* child_by_index(GstChildProxy* proxy, guint index) noexcept {
  ElementState& state = state_of(proxy);
  const std::lock_guard guard(state.lock);
  return index < state.children.size() ? G_OBJECT(gst_object_ref(state.children[index])) : nullptr;
}

guint children_count(GstChildProxy* proxy) noexcept {
  ElementState& state = state_of(proxy);
  const std::lock_guard guard(state.lock);
  return static_cast<guint>(state.children.size());
}

gchar** (*all_preset_names)(GstPreset* preset) = nullptr;

gchar** own_preset_names(GstPreset* preset) noexcept {
  gchar** names = all_preset_names(preset);
  gchar** end = names;
  for (gchar** name = names; name != nullptr && *name != nullptr; ++name) {
    if (std::strstr(*name, "::") == nullptr) {
      *end++ = *name;
    } else {
      g_free(*name);
    }
  }
  if (end != nullptr) *end = nullptr;
  return names;
}

// Takes the child out of the element and tells who listens.
void remove_child(GstElement* element, GstObject* child) {
  gchar* name = gst_object_get_name(child);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element), G_OBJECT(child), name);
  g_free(name);
  gst_object_unparent(child);  // and with it the element's reference
}

void fit(GstElement* element) {
  ElementState& state = state_of(element);
  for (;;) {
    GstObject* added = nullptr;
    GstObject* removed = nullptr;
    {
      const std::lock_guard guard(state.lock);
      const std::size_t wanted = state.settings.style_images.size();
      if (state.children.size() > wanted) {
        removed = state.children.back();
        state.children.pop_back();
      } else if (state.children.size() < wanted) {
        const auto index = static_cast<guint>(state.children.size());
        const std::string name = "style-" + std::to_string(index);
        added = GST_OBJECT(g_object_new(GST_TYPE_ADAIN_STYLE_CHILD, "name", name.c_str(), nullptr));
        GST_ADAIN_STYLE_CHILD(added)->index = index;
        gst_object_set_parent(added, GST_OBJECT(element));  // takes the reference
        state.children.push_back(added);
        gst_object_ref(added);
      } else {
        return;
      }
    }
    if (removed != nullptr) remove_child(element, removed);
    if (added == nullptr) continue;
    gst_child_proxy_child_added(GST_CHILD_PROXY(element), G_OBJECT(added), GST_OBJECT_NAME(added));
    gst_object_unref(added);
  }
}

}  // namespace

static void gst_adain_style_child_class_init(GstAdainStyleChildClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_child_property;
  object_class->get_property = get_child_property;
  g_object_class_install_property(object_class, PROP_PATH,
                                  g_param_spec_string("path", "Path", "Path of the style picture, one of style-images", nullptr,
                                                      static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  g_object_class_install_property(
      object_class, PROP_WEIGHT,
      g_param_spec_float("weight", "Weight",
                         "Share of this style among all of style-images, whose weights are divided by their sum; a place in "
                         "style-weights. Acts on the next frame",
                         0.0f, G_MAXFLOAT, 0.0f,
                         static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_CONTROLLABLE |
                                                  GST_PARAM_MUTABLE_PLAYING)));
}

static void gst_adain_style_child_init(GstAdainStyleChild*) {}

namespace adainstyle::gst {

void init_child_proxy(gpointer interface, gpointer) {
  auto* proxy = static_cast<GstChildProxyInterface*>(interface);
  proxy->get_child_by_index = child_by_index;
  proxy->get_children_count = children_count;
}

void init_preset(gpointer interface, gpointer) {
  auto* preset = static_cast<GstPresetInterface*>(interface);
  all_preset_names = preset->get_property_names;
  preset->get_property_names = own_preset_names;
}

void fit_children(GstElement* element) noexcept { fit(element); }

void drop_children(GstElement* element) noexcept {
  for (GstObject* child : std::exchange(state_of(element).children, {})) gst_object_unparent(child);
}

void sync_children(GstElement* element, GstClockTime time) noexcept {
  const guint count = children_count(GST_CHILD_PROXY(element));
  for (guint i = 0; i < count; ++i) {
    GObject* child = child_by_index(GST_CHILD_PROXY(element), i);
    if (child == nullptr) return;  // fewer styles by now
    gst_object_sync_values(GST_OBJECT(child), time);
    g_object_unref(child);
  }
}

}  // namespace adainstyle::gst
