// SPDX-License-Identifier: MIT
#include "error_mapping.h"

#include <exception>
#include <new>

#include "adainstyle/error.h"

namespace adainstyle::gst {
namespace {

struct Category {
  GQuark domain;
  gint code;
};

Category library_category(Phase phase) noexcept {
  return {GST_LIBRARY_ERROR, phase == Phase::kOpening ? GST_LIBRARY_ERROR_INIT : GST_LIBRARY_ERROR_FAILED};
}

Category category(ErrorCode code, Phase phase) noexcept {
  switch (code) {
    case ErrorCode::kSettings: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS};
    case ErrorCode::kNotFound: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case ErrorCode::kUnreadable: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ};
    case ErrorCode::kNotAnImage: return {GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE};
    case ErrorCode::kMalformedModel: return {GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE};
    case ErrorCode::kDeviceAbsent: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case ErrorCode::kLibrary: return library_category(phase);
    case ErrorCode::kOutOfMemory: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
    case ErrorCode::kUnwritable: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE};
  }
  return library_category(phase);
}

// GLib's string functions are used because they end the process rather than throw when memory runs out: nothing here may throw.
void post(GstElement* element, GstMessageType type, Category category, Phase phase, const char* prefix, const char* text) noexcept {
  gchar* message = g_strconcat(prefix, text, nullptr);
  gchar* debug = g_strdup(phase == Phase::kOpening ? "while opening the model, the device or the first style" : "while running");
  gst_element_message_full(element, type, category.domain, category.code, message, debug, __FILE__, GST_FUNCTION, __LINE__);
}

}  // namespace

void post_current_exception(GstElement* element, GstMessageType type, Phase phase, const char* prefix) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    post(element, type, category(error.code(), phase), phase, prefix, error.what());
  } catch (const std::bad_alloc&) {
    post(element, type, category(ErrorCode::kOutOfMemory, phase), phase, prefix,
         "Memory ran out. Give the element smaller frames, a smaller style-size or a smaller model.");
  } catch (const std::exception& exception) {
    gchar* text = g_strconcat("The style-transfer library failed: ", exception.what(), nullptr);
    post(element, type, library_category(phase), phase, prefix, text);
    g_free(text);
  } catch (...) {
    post(element, type, library_category(phase), phase, prefix, "The style-transfer library failed and gave no reason.");
  }
}

}  // namespace adainstyle::gst
