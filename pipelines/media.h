// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include <gst/gst.h>

// What the programs of this folder share. Every failure is a std::runtime_error whose message is a whole sentence.

struct ObjectUnref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <typename T>
using ObjectPtr = std::unique_ptr<T, ObjectUnref>;

struct CapsUnref {
  void operator()(GstCaps* caps) const { gst_caps_unref(caps); }
};
using CapsPtr = std::unique_ptr<GstCaps, CapsUnref>;

struct MessageUnref {
  void operator()(GstMessage* message) const { gst_message_unref(message); }
};
using MessagePtr = std::unique_ptr<GstMessage, MessageUnref>;

struct SampleUnref {
  void operator()(GstSample* sample) const { gst_sample_unref(sample); }
};
using SamplePtr = std::unique_ptr<GstSample, SampleUnref>;

// Lets the threads that paint a frame spin only shortly while they wait for each other, see Note [Spinning threads]; where the
// environment says how they are to wait, that stands. To be called first in main(): while other threads run the environment must not
// change.
void limit_spinning();

// The URI of a file that exists and can be read; throws what is wrong with it otherwise.
std::string uri_of_readable_file(const std::string& path);

// Makes an element and gives it to the bin. Throws a message that names the Debian package where the element is missing.
GstElement* add_element(GstBin* bin, const char* factory);

// Links two elements of one bin by whatever pads fit.
void link_elements(GstElement* from, GstElement* to);

// A pad for uridecodebin's "pad-added" handler: "video/x-raw", "audio/x-raw" or another media type.
std::string media_type(GstPad* pad);

// The text of an error message on a bus, without GStreamer's internal details.
std::string error_text(GstMessage* message);

// The same with what a server answered, where the element itself knows no better than "Unhandled error".
std::string error_text_with_answer(GstMessage* message);

// Whether the message comes from an element of this kind.
bool comes_from(GstMessage* message, const std::string& factory);

// A sink that opens a window, in gst-launch's language. Throws where there is no display, which crashes some of GStreamer's sinks.
std::string window_sink();
