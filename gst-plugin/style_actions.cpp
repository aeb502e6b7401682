// SPDX-License-Identifier: MIT
#include "style_actions.h"

#include <mutex>

#include "element_state.h"
#include "error_mapping.h"

namespace adainstyle::gst {
namespace {

gboolean preload_style(GstElement* element, const gchar* name, const gchar* path) {
  return guarded(element, Phase::kRunning, FALSE, [&]() -> gboolean {
    ElementState& state = state_of(element);
    const std::lock_guard guard(state.lock);
    if (!state.styles || name == nullptr || *name == '\0' || path == nullptr) return FALSE;
    state.styles->preload(name, {{path}, state.settings.style_size});
    return TRUE;
  });
}

gboolean use_style(GstElement* element, const gchar* name) {
  return guarded(element, Phase::kRunning, FALSE, [&]() -> gboolean {
    ElementState& state = state_of(element);
    const std::lock_guard guard(state.lock);
    return state.styles && name != nullptr && state.styles->use_preloaded(name);
  });
}

}  // namespace

void install_actions(GObjectClass* object_class) {
  const GType type = G_OBJECT_CLASS_TYPE(object_class);
  const auto flags = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  g_signal_new_class_handler("preload-style", type, flags, G_CALLBACK(preload_style), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 2,
                             G_TYPE_STRING, G_TYPE_STRING);
  g_signal_new_class_handler("use-style", type, flags, G_CALLBACK(use_style), nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 1,
                             G_TYPE_STRING);
}

}  // namespace adainstyle::gst
