// SPDX-License-Identifier: MIT
#pragma once

#include <gst/gst.h>

namespace adainstyle::gst {

// When something failed: the same fault of a library is LIBRARY/INIT while the element opens it and LIBRARY/FAILED later on.
enum class Phase { kOpening, kRunning };

// Posts the exception in flight as an element message. Call it in a catch block only.
//
// type: GST_MESSAGE_ERROR or GST_MESSAGE_WARNING. prefix: what the message begins with.
// An adainstyle::Error keeps its message and gets the domain and code of its ErrorCode; std::bad_alloc becomes
// RESOURCE/NO_SPACE_LEFT; whatever else becomes LIBRARY/INIT or LIBRARY/FAILED.
void post_current_exception(GstElement* element, GstMessageType type, Phase phase, const char* prefix = "") noexcept;

// Runs the body of a GObject or GStreamer callback. No C++ exception may cross the C frames that called it, so any that escapes
// the body is posted as an error message and `failure` is returned.
template <typename Result, typename Body>
Result guarded(GstElement* element, Phase phase, Result failure, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    post_current_exception(element, GST_MESSAGE_ERROR, phase);
    return failure;
  }
}

}  // namespace adainstyle::gst
