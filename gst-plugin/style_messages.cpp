// SPDX-License-Identifier: MIT
#include "style_messages.h"

#include <exception>

namespace adainstyle::gst {
namespace {

guint style_loaded_signal = 0;

// GLib's string functions are used because they end the process rather than throw when memory runs out.
gchar* joined_paths(const StyleSource& source) noexcept {
  GString* joined = g_string_new(nullptr);
  for (const std::string& path : source.paths) g_string_append_printf(joined, "%s%s", joined->len > 0 ? "," : "", path.c_str());
  return g_string_free(joined, FALSE);
}

gchar* text_of(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return g_strdup(exception.what());
  } catch (...) {
    return g_strdup("The style-transfer library failed and gave no reason.");
  }
}

}  // namespace

void install_style_signal(GObjectClass* object_class) {
  style_loaded_signal = g_signal_new("style-loaded", G_OBJECT_CLASS_TYPE(object_class), G_SIGNAL_RUN_LAST, 0, nullptr, nullptr,
                                     nullptr, G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_BOOLEAN, G_TYPE_STRING);
}

void announce_style(GstElement* element, const StyleReport& report) noexcept {
  const gboolean ok = !report.error;
  if (ok && report.automatic) return;
  gchar* path = joined_paths(report.source);
  gchar* error = ok ? nullptr : text_of(report.error);
  GstStructure* fields =
      gst_structure_new("adainstyle-style", "path", G_TYPE_STRING, path, "ok", G_TYPE_BOOLEAN, ok, "error", G_TYPE_STRING, error,
                        "name", G_TYPE_STRING, report.name.empty() ? nullptr : report.name.c_str(), nullptr);
  if (report.target == StyleTarget::kMask) gst_structure_set_name(fields, "adainstyle-mask");
  gst_element_post_message(element, gst_message_new_element(GST_OBJECT(element), fields));
  if (report.target != StyleTarget::kMask) g_signal_emit(element, style_loaded_signal, 0, path, ok, error);
  g_free(error);
  g_free(path);
}

}  // namespace adainstyle::gst
