// SPDX-License-Identifier: MIT
#include "media.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include <unistd.h>

namespace {

// Where Debian keeps the elements that these programs ask for by name.
struct ElementPackage {
  const char* factory;
  const char* package;
};
constexpr ElementPackage kElementPackages[] = {
    {"appsink", "gstreamer1.0-plugins-base"},      {"appsrc", "gstreamer1.0-plugins-base"},
    {"audioconvert", "gstreamer1.0-plugins-base"}, {"audioresample", "gstreamer1.0-plugins-base"},
    {"decodebin", "gstreamer1.0-plugins-base"},    {"uridecodebin", "gstreamer1.0-plugins-base"},
    {"videoconvert", "gstreamer1.0-plugins-base"}, {"videoconvertscale", "gstreamer1.0-plugins-base"},
    {"aacparse", "gstreamer1.0-plugins-good"},     {"capssetter", "gstreamer1.0-plugins-good"},
    {"deinterlace", "gstreamer1.0-plugins-good"},  {"jpegenc", "gstreamer1.0-plugins-good"},
    {"matroskamux", "gstreamer1.0-plugins-good"},  {"mp4mux", "gstreamer1.0-plugins-good"},
    {"pngenc", "gstreamer1.0-plugins-good"},       {"rtspsrc", "gstreamer1.0-plugins-good"},
    {"videocrop", "gstreamer1.0-plugins-good"},    {"videoflip", "gstreamer1.0-plugins-good"},
    {"h264parse", "gstreamer1.0-plugins-bad"},     {"jpegparse", "gstreamer1.0-plugins-bad"},
    {"rtspclientsink", "gstreamer1.0-rtsp"},       {"x264enc", "gstreamer1.0-plugins-ugly"},
    {"avenc_aac", "gstreamer1.0-libav"},
};

std::string advice_for(const std::string& factory) {
  if (factory == "adainstyle") {
    return "install this project (meson install), or run this program under `meson devenv -C build`";
  }
  for (const ElementPackage& entry : kElementPackages) {
    if (factory == entry.factory) return "install " + std::string(entry.package) + " (scripts/setup.sh does)";
  }
  return "check the installation of GStreamer";
}

}  // namespace

// Note [Spinning threads]
// A frame is some twenty loops over rows, each shared among the threads of OpenMP, which meet at its end. libgomp lets those that
// wait there spin, by default 300,000 times, before they sleep. Where other programs run, the thread that is waited for often has no
// processor, and those that spin keep one from it: four times the processor time and a quarter of the frames. To sleep at once
// (OMP_WAIT_POLICY=passive) mends that, but costs a quarter of the frames where nothing else runs, since waking takes longer than most
// waits. 10,000 turns lose little on either side (docs/pipelines.md, "On a busy machine"). libgomp reads its environment when it is
// loaded, together with LibTorch and so after the beginning of main(). The element leaves its process's environment alone, since other
// threads may be reading it by then; this is for the programs.
void limit_spinning() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "10000", 0);
}

std::string uri_of_readable_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) throw std::runtime_error(path + ": there is no such file.");
  if (std::filesystem::is_directory(status)) throw std::runtime_error(path + " is a folder; a file is needed.");
  if (access(path.c_str(), R_OK) != 0) throw std::runtime_error(path + " cannot be read: " + std::strerror(errno) + ".");
  GError* uri_error = nullptr;
  char* uri = gst_filename_to_uri(path.c_str(), &uri_error);
  if (uri == nullptr) {
    const std::string reason = uri_error->message;
    g_error_free(uri_error);
    throw std::runtime_error(path + " cannot be opened: " + reason + ".");
  }
  std::string result = uri;
  g_free(uri);
  return result;
}

GstElement* add_element(GstBin* bin, const char* factory) {
  GstElement* element = gst_element_factory_make(factory, nullptr);
  if (element == nullptr) {
    throw std::runtime_error("The GStreamer element " + std::string(factory) + " is missing: " + advice_for(factory) + ".");
  }
  gst_bin_add(bin, element);
  return element;
}

void link_elements(GstElement* from, GstElement* to) {
  if (!gst_element_link(from, to)) {
    throw std::runtime_error("GStreamer cannot link " + std::string(GST_OBJECT_NAME(from)) + " to " + GST_OBJECT_NAME(to) + ".");
  }
}

std::string media_type(GstPad* pad) {
  CapsPtr caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  if (!caps || gst_caps_is_any(caps.get()) || gst_caps_is_empty(caps.get())) return "";
  return gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
}

std::string error_text(GstMessage* message) {
  GError* error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

// The last line of the details.
std::string error_text_with_answer(GstMessage* message) {
  GError* error = nullptr;
  gchar* details = nullptr;
  gst_message_parse_error(message, &error, &details);
  std::string text = error->message;
  g_error_free(error);
  const char* answer = details != nullptr ? std::strrchr(details, '\n') : nullptr;
  if (answer != nullptr && answer[1] != '\0') text += std::string(" (") + (answer + 1) + ")";
  g_free(details);
  return text;
}

bool comes_from(GstMessage* message, const std::string& factory) {
  if (!GST_IS_ELEMENT(GST_MESSAGE_SRC(message))) return false;
  GstElementFactory* made_by = gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(message)));
  return made_by != nullptr && factory == GST_OBJECT_NAME(made_by);
}

std::string window_sink() {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr) {
    throw std::runtime_error("There is no display for a window: neither DISPLAY nor WAYLAND_DISPLAY is set.");
  }
  return "autovideosink";
}
