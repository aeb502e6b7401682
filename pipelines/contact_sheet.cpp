// SPDX-License-Identifier: MIT
//
// contact-sheet OUTPUT.png VIDEO (STYLE REPAINTED)...
//
// One row for each pair: a frame from the middle of VIDEO, the style picture, and the same frame of the repainted video.
// Exit status: 0 done, 1 failed, 2 wrong usage.

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "media.h"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kRowHeight = 270;          // pixels
constexpr int kMargin = 18;              // pixels around and between the pictures
constexpr guint32 kGround = 0xf4f1eaff;  // RGBA
constexpr GstClockTime kTimeout = 30 * GST_SECOND;

using PixbufPtr = std::unique_ptr<GdkPixbuf, ObjectUnref>;

struct Row {
  std::string style;
  std::string repainted;
};

// A pipeline that stands still at one frame of a video.
class StillPipeline {
 public:
  explicit StillPipeline(const std::string& path) : path_(path) {
    pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    GstBin* bin = GST_BIN(pipeline_.get());
    GstElement* decoder = add_element(bin, "uridecodebin");
    g_object_set(decoder, "uri", uri_of_readable_file(path).c_str(), nullptr);
    gst_util_set_object_arg(G_OBJECT(decoder), "caps", "video/x-raw");
    GstElement* entry = add_element(bin, "videoconvert");
    GstElement* flip = add_element(bin, "videoflip");
    gst_util_set_object_arg(G_OBJECT(flip), "video-direction", "auto");
    GstElement* scale = add_element(bin, "videoscale");
    sink_ = add_element(bin, "appsink");
    gst_util_set_object_arg(G_OBJECT(sink_), "caps", "video/x-raw, format=RGB, pixel-aspect-ratio=1/1");
    link_elements(entry, flip);
    link_elements(flip, scale);
    link_elements(scale, sink_);
    g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad_added), entry);
  }
  ~StillPipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  StillPipeline(const StillPipeline&) = delete;
  StillPipeline& operator=(const StillPipeline&) = delete;

  SamplePtr middle_frame() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
    settle();
    gint64 duration = 0;
    if (gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &duration) &&
        gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME,
                                static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE), duration / 2)) {
      settle();
    }
    SamplePtr sample(gst_app_sink_try_pull_preroll(GST_APP_SINK(sink_), kTimeout));
    if (!sample) throw std::runtime_error("No frame could be read from " + path_ + ".");
    return sample;
  }

 private:
  void settle() {
    const ObjectPtr<GstBus> bus(gst_pipeline_get_bus(GST_PIPELINE(pipeline_.get())));
    const auto awaited = static_cast<GstMessageType>(GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_ERROR);
    const MessagePtr message(gst_bus_timed_pop_filtered(bus.get(), kTimeout, awaited));
    if (!message) throw std::runtime_error(path_ + " gave no frame within 30 seconds.");
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
      throw std::runtime_error(path_ + " cannot be read as a video: " + error_text(message.get()));
    }
  }

  static void on_pad_added(GstElement*, GstPad* pad, gpointer entry) {
    const ObjectPtr<GstPad> target(gst_element_get_static_pad(GST_ELEMENT(entry), "sink"));
    if (media_type(pad) == "video/x-raw" && !gst_pad_is_linked(target.get())) gst_pad_link(pad, target.get());
  }

  std::string path_;
  ObjectPtr<GstElement> pipeline_;
  GstElement* sink_ = nullptr;  // the pipeline's
};

PixbufPtr middle_frame(const std::string& path) {
  const SamplePtr sample = StillPipeline(path).middle_frame();
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get())) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample.get()), GST_MAP_READ)) {
    throw std::runtime_error("A frame of " + path + " cannot be mapped.");
  }
  const PixbufPtr borrowed(gdk_pixbuf_new_from_data(static_cast<const guchar*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
                                                    GDK_COLORSPACE_RGB, FALSE, 8, info.width, info.height,
                                                    GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0), nullptr, nullptr));
  PixbufPtr copy(gdk_pixbuf_copy(borrowed.get()));
  gst_video_frame_unmap(&frame);
  return copy;
}

PixbufPtr picture(const std::string& path) {
  GError* error = nullptr;
  PixbufPtr loaded(gdk_pixbuf_new_from_file(path.c_str(), &error));
  if (!loaded) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error(path + " cannot be read as a picture: " + reason + ".");
  }
  return PixbufPtr(gdk_pixbuf_apply_embedded_orientation(loaded.get()));
}

// Scaled to the height of a row; the width follows.
PixbufPtr fit(const PixbufPtr& image) {
  const int width = gdk_pixbuf_get_width(image.get()) * kRowHeight / gdk_pixbuf_get_height(image.get());
  return PixbufPtr(gdk_pixbuf_scale_simple(image.get(), width > 0 ? width : 1, kRowHeight, GDK_INTERP_HYPER));
}

void draw_sheet(const std::string& output, const std::string& video, const std::vector<Row>& rows) {
  const PixbufPtr frame = fit(middle_frame(video));
  std::vector<std::vector<PixbufPtr>> cells;
  std::vector<int> widths(3, 0);  // of the columns
  for (const Row& row : rows) {
    std::vector<PixbufPtr> line;
    line.emplace_back(gdk_pixbuf_copy(frame.get()));
    line.push_back(fit(picture(row.style)));
    line.push_back(fit(middle_frame(row.repainted)));
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], gdk_pixbuf_get_width(line[i].get()));
    cells.push_back(std::move(line));
  }
  const int width = widths[0] + widths[1] + widths[2] + 4 * kMargin;
  const int height = static_cast<int>(rows.size()) * (kRowHeight + kMargin) + kMargin;
  const PixbufPtr sheet(gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, width, height));
  gdk_pixbuf_fill(sheet.get(), kGround);
  int y = kMargin;
  for (const std::vector<PixbufPtr>& line : cells) {
    int x = kMargin;
    for (std::size_t i = 0; i < line.size(); ++i) {
      gdk_pixbuf_copy_area(line[i].get(), 0, 0, gdk_pixbuf_get_width(line[i].get()), kRowHeight, sheet.get(), x, y);
      x += widths[i] + kMargin;
    }
    y += kRowHeight + kMargin;
  }
  GError* error = nullptr;
  if (!gdk_pixbuf_save(sheet.get(), output.c_str(), "png", &error, nullptr)) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error(output + " cannot be written: " + reason + ".");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc % 2 == 0) {
    std::fputs("usage: contact-sheet OUTPUT.png VIDEO (STYLE REPAINTED)...\n", stderr);
    return kExitUsage;
  }
  gst_init(nullptr, nullptr);
  try {
    std::vector<Row> rows;
    for (int i = 3; i < argc; i += 2) rows.push_back({argv[i], argv[i + 1]});
    draw_sheet(argv[1], argv[2], rows);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "contact-sheet: %s\n", error.what());
    return kExitFailed;
  }
  return 0;
}
