// SPDX-License-Identifier: MIT
//
// stylize-clip VIDEO STYLE OUTPUT.mp4
//
// Repaints a video file in the manner of a picture and keeps its sound. Prints one line about the result on standard output and
// the progress on standard error. Ctrl-C ends the clip early and leaves what is done so far as a playable file.
// Exit status: 0 done, 1 failed (nothing is written), 2 wrong usage, 130 ended early.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <glib-unix.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include "media.h"
#include "progress.h"

namespace {

namespace fs = std::filesystem;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;  // what a shell reports for SIGINT
constexpr guint kProgressIntervalMs = 200;

constexpr guint kAudioBitRate = 192'000;

// The muxer takes sound and picture in turns, and x264 looks some 50 frames ahead: the queues in front of the muxer must hold
// all that comes meanwhile. They carry compressed data, so that this limit is never reached in practice.
constexpr guint kMuxQueueBytes = 256u << 20;
constexpr guint kFrameQueueBuffers = 3;

class StylizeClip {
 public:
  StylizeClip(const std::string& video, const std::string& style, const std::string& output);
  ~StylizeClip();
  StylizeClip(const StylizeClip&) = delete;
  StylizeClip& operator=(const StylizeClip&) = delete;

  // Returns the exit status.
  int run();

 private:
  void build_video_branch(const std::string& style);
  void build_audio_branch(GstPad* pad);
  void take_pad(GstPad* pad);
  void explain(GstMessage* error);
  int finish();

  static void on_pad_added(GstElement* decoder, GstPad* pad, gpointer self);
  static void on_no_more_pads(GstElement* decoder, gpointer self);
  static GstPadProbeReturn on_decoded(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static GstPadProbeReturn on_encoded_audio(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static GstPadProbeReturn on_painted(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static gboolean on_message(GstBus* bus, GstMessage* message, gpointer self);
  static gboolean on_interrupt(gpointer self);
  static gboolean on_tick(gpointer self);

  GstBin* bin() const { return GST_BIN(pipeline_.get()); }

  const std::string video_;
  const std::string output_;
  const std::string partial_;  // written first, then renamed: a failure never costs an older file
  ObjectPtr<GstElement> pipeline_;
  GMainLoop* loop_ = nullptr;
  GstElement* muxer_ = nullptr;    // the pipeline's
  ObjectPtr<GstPad> video_entry_;  // where the decoder's picture goes in
  bool has_audio_ = false;
  Progress progress_;
  std::atomic<bool> interrupted_{false};  // set here, read on the streaming threads
  std::string failure_;
};

void check_output(const std::string& video, const std::string& output) {
  const fs::path path(output);
  if (path.extension() != ".mp4") throw std::runtime_error(output + ": the result is an MP4 file; let its name end in .mp4.");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder))
    throw std::runtime_error(output + " cannot be written: there is no folder " + folder.string() + ".");
  if (fs::is_directory(path)) throw std::runtime_error(output + " cannot be written: it is a folder.");
  std::error_code error;
  if (fs::equivalent(video, path, error))
    throw std::runtime_error(output + " is the video itself; name another file for the result.");
}

// Cuts one row or column off frames of odd sizes, which 4:2:0 cannot store; nothing is scaled.
GstPadProbeReturn make_even(GstPad*, GstPadProbeInfo* info, gpointer crop) {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstVideoInfo video;
    if (gst_video_info_from_caps(&video, caps)) g_object_set(crop, "right", video.width % 2, "bottom", video.height % 2, nullptr);
  }
  return GST_PAD_PROBE_OK;
}

GstElement* add_frame_queue(GstBin* bin) {
  GstElement* queue = add_element(bin, "queue");
  g_object_set(queue, "max-size-buffers", kFrameQueueBuffers, "max-size-time", guint64{0}, "max-size-bytes", 0u, nullptr);
  return queue;
}

GstElement* add_mux_queue(GstBin* bin) {
  GstElement* queue = add_element(bin, "queue");
  g_object_set(queue, "max-size-buffers", 0u, "max-size-time", guint64{0}, "max-size-bytes", kMuxQueueBytes, nullptr);
  return queue;
}

// Constant quality, at a speed that leaves the processor to the repainting.
GstElement* add_h264_encoder(GstBin* bin) {
  GstElement* encoder = add_element(bin, "x264enc");
  gst_util_set_object_arg(G_OBJECT(encoder), "pass", "qual");
  gst_util_set_object_arg(G_OBJECT(encoder), "speed-preset", "veryfast");
  g_object_set(encoder, "quantizer", 20u, nullptr);
  return encoder;
}

void link_chain(const std::vector<GstElement*>& chain) {
  for (std::size_t i = 1; i < chain.size(); ++i) link_elements(chain[i - 1], chain[i]);
}

StylizeClip::StylizeClip(const std::string& video, const std::string& style, const std::string& output)
    : video_(video), output_(output), partial_(output + ".part") {
  const std::string uri = uri_of_readable_file(video);
  uri_of_readable_file(style);
  check_output(video, output);

  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  build_video_branch(style);
  GstElement* decoder = add_element(bin(), "uridecodebin");
  g_object_set(decoder, "uri", uri.c_str(), nullptr);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad_added), this);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(on_no_more_pads), this);
  loop_ = g_main_loop_new(nullptr, FALSE);
}

StylizeClip::~StylizeClip() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  g_main_loop_unref(loop_);
}

void StylizeClip::build_video_branch(const std::string& style) {
  GstElement* entry = add_frame_queue(bin());
  GstElement* deinterlacer = add_element(bin(), "deinterlace");
  gst_util_set_object_arg(G_OBJECT(deinterlacer), "fields", "top");  // one frame for two fields: the frame rate stays
  GstElement* flip = add_element(bin(), "videoflip");
  gst_util_set_object_arg(G_OBJECT(flip), "video-direction", "auto");  // a phone's rotation is a tag beside the pixels
  GstElement* painter = add_element(bin(), "adainstyle");
  g_object_set(painter, "style-image", style.c_str(), nullptr);
  GstElement* crop = add_element(bin(), "videocrop");
  GstElement* filter = add_element(bin(), "capsfilter");
  // 4:2:0 is what every player and browser decodes; left to itself x264 would keep 4:4:4.
  gst_util_set_object_arg(G_OBJECT(filter), "caps", "video/x-raw, format=I420");
  muxer_ = add_element(bin(), "mp4mux");
  GstElement* sink = add_element(bin(), "filesink");
  g_object_set(sink, "location", partial_.c_str(), nullptr);
  link_chain({entry, add_element(bin(), "videoconvert"), deinterlacer, flip, add_element(bin(), "videoconvert"), painter,
              add_frame_queue(bin()), crop, add_element(bin(), "videoconvert"), filter, add_h264_encoder(bin()),
              add_element(bin(), "h264parse"), add_mux_queue(bin()), muxer_, sink});

  video_entry_.reset(gst_element_get_static_pad(entry, "sink"));
  gst_pad_add_probe(video_entry_.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoded, this, nullptr);
  const ObjectPtr<GstPad> painted(gst_element_get_static_pad(painter, "src"));
  gst_pad_add_probe(painted.get(), GST_PAD_PROBE_TYPE_BUFFER, on_painted, this, nullptr);
  const ObjectPtr<GstPad> crop_entry(gst_element_get_static_pad(crop, "sink"));
  gst_pad_add_probe(crop_entry.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, make_even, crop, nullptr);
}

void StylizeClip::build_audio_branch(GstPad* pad) {
  GstElement* encoder = add_element(bin(), "avenc_aac");
  g_object_set(encoder, "bitrate", kAudioBitRate, nullptr);
  GstElement* entry = add_element(bin(), "audioconvert");
  const std::vector<GstElement*> chain = {entry, add_element(bin(), "audioresample"), encoder, add_element(bin(), "aacparse"),
                                          add_mux_queue(bin())};
  link_chain(chain);
  link_elements(chain.back(), muxer_);
  for (GstElement* element : chain) gst_element_sync_state_with_parent(element);
  const ObjectPtr<GstPad> encoded(gst_element_get_static_pad(chain.back(), "src"));
  gst_pad_add_probe(encoded.get(), GST_PAD_PROBE_TYPE_BUFFER, on_encoded_audio, this, nullptr);
  const ObjectPtr<GstPad> entry_pad(gst_element_get_static_pad(entry, "sink"));
  gst_pad_add_probe(entry_pad.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoded, this, nullptr);
  if (gst_pad_link(pad, entry_pad.get()) != GST_PAD_LINK_OK)
    throw std::runtime_error("The sound of " + video_ + " cannot be encoded.");
  has_audio_ = true;
}

// The first picture and the first sound are taken; other tracks stay where they are.
void StylizeClip::take_pad(GstPad* pad) {
  const std::string type = media_type(pad);
  if (type == "video/x-raw" && !gst_pad_is_linked(video_entry_.get())) {
    if (gst_pad_link(pad, video_entry_.get()) != GST_PAD_LINK_OK)
      throw std::runtime_error("The picture of " + video_ + " cannot be used.");
  } else if (type == "audio/x-raw" && !has_audio_) {
    build_audio_branch(pad);
  }
}

void StylizeClip::on_pad_added(GstElement* decoder, GstPad* pad, gpointer self) {
  try {
    static_cast<StylizeClip*>(self)->take_pad(pad);
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(decoder, CORE, PAD, ("%s", error.what()), (nullptr));
  }
}

void StylizeClip::on_no_more_pads(GstElement* decoder, gpointer self) {
  if (!gst_pad_is_linked(static_cast<StylizeClip*>(self)->video_entry_.get())) {
    GST_ELEMENT_ERROR(decoder, STREAM, WRONG_TYPE, ("there is no picture in it"), (nullptr));
  }
}

// After Ctrl-C the stream ends here, so that the encoders and the muxer finish the file in their usual way.
GstPadProbeReturn StylizeClip::on_decoded(GstPad* pad, GstPadProbeInfo*, gpointer self) {
  if (!static_cast<StylizeClip*>(self)->interrupted_) return GST_PAD_PROBE_OK;
  gst_pad_send_event(pad, gst_event_new_eos());
  return GST_PAD_PROBE_DROP;
}

// The sound is encoded far ahead of the picture; after Ctrl-C what lies beyond the last picture is left out.
GstPadProbeReturn StylizeClip::on_encoded_audio(GstPad*, GstPadProbeInfo* info, gpointer self) {
  const auto* clip = static_cast<StylizeClip*>(self);
  const GstClockTime start = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
  const bool beyond = GST_CLOCK_TIME_IS_VALID(start) && start > static_cast<GstClockTime>(clip->progress_.position_ns());
  return clip->interrupted_ && beyond ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

GstPadProbeReturn StylizeClip::on_painted(GstPad*, GstPadProbeInfo* info, gpointer self) {
  const GstBuffer* frame = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime length = GST_BUFFER_DURATION_IS_VALID(frame) ? GST_BUFFER_DURATION(frame) : 0;
  const GstClockTime end = GST_BUFFER_PTS_IS_VALID(frame) ? GST_BUFFER_PTS(frame) + length : 0;
  static_cast<StylizeClip*>(self)->progress_.frame_done(static_cast<std::int64_t>(end));
  return GST_PAD_PROBE_OK;
}

gboolean StylizeClip::on_interrupt(gpointer self) {
  auto* clip = static_cast<StylizeClip*>(self);
  if (clip->interrupted_.exchange(true)) {
    clip->failure_ = "Stopped at once; nothing is kept.";
    g_main_loop_quit(clip->loop_);
  }
  return G_SOURCE_CONTINUE;
}

gboolean StylizeClip::on_tick(gpointer self) {
  auto* clip = static_cast<StylizeClip*>(self);
  gint64 duration = 0;
  if (!gst_element_query_duration(clip->pipeline_.get(), GST_FORMAT_TIME, &duration)) duration = 0;
  clip->progress_.show(duration);
  return G_SOURCE_CONTINUE;
}

// Says whose fault an error is: the output's, the element's (its text stands for itself) or the video's.
void StylizeClip::explain(GstMessage* error) {
  std::string factory;
  if (GST_IS_ELEMENT(GST_MESSAGE_SRC(error))) {
    GstElementFactory* made_by = gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(error)));
    if (made_by != nullptr) factory = GST_OBJECT_NAME(made_by);
  }
  const std::string text = error_text(error);
  if (factory == "filesink") {
    failure_ = output_ + " cannot be written: " + text;
  } else if (factory == "adainstyle") {
    failure_ = text;
  } else if (factory == "mp4mux" || factory == "x264enc" || factory == "avenc_aac") {
    failure_ = output_ + " cannot be encoded: " + text;
  } else {
    failure_ = video_ + " cannot be read as a video: " + text;
  }
}

gboolean StylizeClip::on_message(GstBus*, GstMessage* message, gpointer self) {
  auto* clip = static_cast<StylizeClip*>(self);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
    g_main_loop_quit(clip->loop_);
  } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    // The first error is the cause, the others are its consequences.
    if (clip->failure_.empty()) clip->explain(message);
    g_main_loop_quit(clip->loop_);
  }
  return G_SOURCE_CONTINUE;
}

int StylizeClip::run() {
  const ObjectPtr<GstBus> bus(gst_pipeline_get_bus(GST_PIPELINE(pipeline_.get())));
  gst_bus_add_watch(bus.get(), on_message, this);
  g_unix_signal_add(SIGINT, on_interrupt, this);
  g_unix_signal_add(SIGTERM, on_interrupt, this);
  g_timeout_add(kProgressIntervalMs, on_tick, this);
  // A state change that fails also posts an error message, which says why.
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
  g_main_loop_run(loop_);
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  gst_bus_remove_watch(bus.get());
  progress_.clear();
  return finish();
}

int StylizeClip::finish() {
  std::error_code error;
  if (failure_.empty() && progress_.frames() == 0) failure_ = video_ + ": no frame came out of it.";
  if (failure_.empty() && progress_.frames() == 1 && !interrupted_)
    failure_ = video_ + " holds one frame only: it is a picture, not a video.";
  if (failure_.empty()) {
    fs::rename(partial_, output_, error);
    if (error) failure_ = output_ + " cannot be written: " + error.message() + ".";
  }
  if (!failure_.empty()) {
    fs::remove(partial_, error);
    std::fprintf(stderr, "stylize-clip: %s\n", failure_.c_str());
    return interrupted_ ? kExitInterrupted : kExitFailed;
  }
  std::printf("%s: %lld frames, %.1f frames a second%s\n", output_.c_str(), static_cast<long long>(progress_.frames()),
              progress_.frames_a_second(), interrupted_ ? " (ended early)" : "");
  return interrupted_ ? kExitInterrupted : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: stylize-clip VIDEO STYLE OUTPUT.mp4\n", stderr);
    return kExitUsage;
  }
  gst_init(nullptr, nullptr);
  try {
    return StylizeClip(argv[1], argv[2], argv[3]).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stylize-clip: %s\n", error.what());
    return kExitFailed;
  }
}
