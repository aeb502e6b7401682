// SPDX-License-Identifier: MIT
#include "stylize_job.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <gst/gst.h>

#include "media.h"
#include "pipeline_loop.h"
#include "probes.h"
#include "progress.h"

namespace {

namespace fs = std::filesystem;

constexpr int kExitInterrupted = 130;  // what a shell reports for SIGINT
constexpr guint kProgressIntervalMs = 200;

constexpr int kJpegQuality = 92;
constexpr guint kAudioBitRate = 192'000;

// The muxer takes sound and picture in turns, and x264 looks some 50 frames ahead: the queues in front of the muxer must hold
// all that comes meanwhile. They carry compressed data, so that this limit is never reached in practice.
constexpr guint kMuxQueueBytes = 256u << 20;
constexpr guint kFrameQueueBuffers = 3;

class StylizeJob {
 public:
  explicit StylizeJob(const Job& job);
  ~StylizeJob();
  StylizeJob(const StylizeJob&) = delete;
  StylizeJob& operator=(const StylizeJob&) = delete;

  // Returns the exit status.
  int run();

 private:
  void build_picture_branch();
  void add_encoder(GstElement* last);
  void link_to_muxer(GstPad* pad, GstCaps* stored, const std::vector<GstElement*>& chain);
  void begin_at_start(GstPad* entry);
  bool muxer_takes(GstCaps* caps) const;     // whatever these caps leave open
  bool muxer_may_take(GstCaps* caps) const;  // depending on it
  void take_pad(GstPad* pad);
  void explain(GstMessage* error);
  void interrupt();
  void show_progress();
  int finish();

  static void on_pad_added(GstElement* decoder, GstPad* pad, gpointer self);
  static gboolean on_autoplug(GstElement* decoder, GstPad* pad, GstCaps* caps, gpointer self);
  static void on_no_more_pads(GstElement* decoder, gpointer self);
  static GstPadProbeReturn on_decoded(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static GstPadProbeReturn on_beside_picture(GstPad* pad, GstPadProbeInfo* info, gpointer self);
  static GstPadProbeReturn on_painted(GstPad* pad, GstPadProbeInfo* info, gpointer self);

  GstBin* bin() const { return GST_BIN(pipeline_.get()); }

  const Job job_;
  const bool picture_;         // the output is one
  const std::string partial_;  // written first, then renamed: a failure never costs an older file
  ObjectPtr<GstElement> pipeline_;
  PipelineLoop loop_;
  GstElement* muxer_ = nullptr;    // the pipeline's; null for a picture
  ObjectPtr<GstPad> video_entry_;  // where the decoder's picture goes in
  Progress progress_;
  std::atomic<bool> interrupted_{false};  // set here, read on the streaming threads
  std::string failure_;
};

bool ends_in(const std::string& path, std::initializer_list<const char*> endings) {
  std::string ending = fs::path(path).extension().string();
  for (char& c : ending) c = g_ascii_tolower(c);
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

void check_output(const Job& job) {
  const fs::path path(job.output);
  if (!ends_in(job.output, {".mp4", ".mkv", ".jpg", ".jpeg", ".png"}))
    throw std::runtime_error(job.output +
                             ": let the name of the result end in .mp4 or .mkv for a video, in .jpg or .png for a picture.");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw std::runtime_error(job.output + " cannot be written: there is no folder " + folder.string() + ".");
  if (fs::is_directory(path, error)) throw std::runtime_error(job.output + " cannot be written: it is a folder.");
  if (fs::equivalent(job.content, path, error))
    throw std::runtime_error(job.output + " is the content itself; name another file for the result.");
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

StylizeJob::StylizeJob(const Job& job) : job_(job), picture_(is_picture_name(job.output)), partial_(job.output + ".part") {
  const std::string uri = uri_of_readable_file(job.content);
  check_output(job);

  pipeline_.reset(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  build_picture_branch();
  GstElement* decoder = add_element(bin(), "uridecodebin");
  g_object_set(decoder, "uri", uri.c_str(), nullptr);
  g_signal_connect(decoder, "autoplug-continue", G_CALLBACK(on_autoplug), this);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_pad_added), this);
  g_signal_connect(decoder, "no-more-pads", G_CALLBACK(on_no_more_pads), this);
}

StylizeJob::~StylizeJob() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

void StylizeJob::build_picture_branch() {
  GstElement* entry = add_frame_queue(bin());
  GstElement* deinterlacer = add_element(bin(), "deinterlace");
  gst_util_set_object_arg(G_OBJECT(deinterlacer), "fields", "top");  // one frame for two fields: the frame rate stays
  GstElement* flip = add_element(bin(), "videoflip");
  gst_util_set_object_arg(G_OBJECT(flip), "video-direction", "auto");  // a phone's rotation is a tag beside the pixels
  GstElement* painter = add_element(bin(), "adainstyle");
  set_paint_options(painter, job_.paint);
  GstElement* queue = add_frame_queue(bin());
  link_chain({entry, add_element(bin(), "videoconvert"), deinterlacer, flip, add_element(bin(), "videoconvert"), painter, queue});
  add_encoder(queue);

  video_entry_.reset(gst_element_get_static_pad(entry, "sink"));
  begin_at_start(video_entry_.get());
  gst_pad_add_probe(video_entry_.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoded, this, nullptr);
  const ObjectPtr<GstPad> painted(gst_element_get_static_pad(painter, "src"));
  gst_pad_add_probe(painted.get(), GST_PAD_PROBE_TYPE_BUFFER, on_painted, this, nullptr);
}

void StylizeJob::add_encoder(GstElement* last) {
  GstElement* sink = add_element(bin(), "filesink");
  g_object_set(sink, "location", partial_.c_str(), nullptr);
  if (picture_) {
    const bool png = ends_in(job_.output, {".png"});
    GstElement* encoder = add_element(bin(), png ? "pngenc" : "jpegenc");
    if (!png) g_object_set(encoder, "quality", kJpegQuality, nullptr);
    link_chain({last, add_element(bin(), "videoconvert"), encoder, sink});
    return;
  }
  GstElement* crop = add_element(bin(), "videocrop");
  const ObjectPtr<GstPad> crop_entry(gst_element_get_static_pad(crop, "sink"));
  gst_pad_add_probe(crop_entry.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, make_even, crop, nullptr);
  GstElement* filter = add_element(bin(), "capsfilter");
  // 4:2:0 is what every player and browser decodes; left to itself x264 would keep 4:4:4.
  gst_util_set_object_arg(G_OBJECT(filter), "caps", "video/x-raw, format=I420");
  muxer_ = add_element(bin(), ends_in(job_.output, {".mkv"}) ? "matroskamux" : "mp4mux");
  link_chain({last, crop, add_element(bin(), "videoconvert"), filter, add_h264_encoder(bin()), add_element(bin(), "h264parse"),
              add_mux_queue(bin()), muxer_, sink});
}

// What comes before job_.start is dropped, and the rest moved there. Decoding it all the same takes little time beside painting,
// and is exact whatever the container's index holds.
void StylizeJob::begin_at_start(GstPad* entry) {
  if (job_.start <= 0) return;
  const auto start = static_cast<GstClockTime>(job_.start * GST_SECOND);
  const auto drop_early = [](GstPad*, GstPadProbeInfo* info, gpointer data) {
    const GstClockTime time = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
    const auto* self = static_cast<const StylizeJob*>(data);
    const bool early = GST_CLOCK_TIME_IS_VALID(time) && time < static_cast<GstClockTime>(self->job_.start * GST_SECOND);
    return early ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  };
  gst_pad_add_probe(entry, GST_PAD_PROBE_TYPE_BUFFER, drop_early, this, nullptr);
  gst_pad_set_offset(entry, -static_cast<gint64>(start));
}

bool StylizeJob::muxer_takes(GstCaps* caps) const {
  return muxer_ != nullptr && gst_element_factory_can_sink_all_caps(gst_element_get_factory(muxer_), caps);
}

bool StylizeJob::muxer_may_take(GstCaps* caps) const {
  return muxer_ != nullptr && gst_element_factory_can_sink_any_caps(gst_element_get_factory(muxer_), caps);
}

// Sound and subtitles leave the decoder as they are stored wherever the muxer takes them so.
gboolean StylizeJob::on_autoplug(GstElement*, GstPad*, GstCaps* caps, gpointer self) {
  const std::string name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  const bool picture = name.rfind("video/", 0) == 0 || name.rfind("image/", 0) == 0;
  return picture || !static_cast<StylizeJob*>(self)->muxer_takes(caps);
}

// chain: of a stream beside the picture, whose last element is linked to the muxer. stored: its caps there; null: those of the
// last element.
void StylizeJob::link_to_muxer(GstPad* pad, GstCaps* stored, const std::vector<GstElement*>& chain) {
  link_chain(chain);
  const ObjectPtr<GstPad> exit(gst_element_get_static_pad(chain.back(), "src"));
  // A queue alone could be linked to any of the muxer's pads; what goes through it says to which.
  const ObjectPtr<GstPad> muxer_pad(gst_element_get_compatible_pad(muxer_, exit.get(), stored));
  if (!muxer_pad || gst_pad_link(exit.get(), muxer_pad.get()) != GST_PAD_LINK_OK)
    throw std::runtime_error(std::string("A stream of ") + job_.content + " cannot be written to " + job_.output + ".");
  for (GstElement* element : chain) gst_element_sync_state_with_parent(element);
  gst_pad_add_probe(exit.get(), GST_PAD_PROBE_TYPE_BUFFER, on_beside_picture, this, nullptr);
  const ObjectPtr<GstPad> entry(gst_element_get_static_pad(chain.front(), "sink"));
  begin_at_start(entry.get());
  gst_pad_add_probe(entry.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoded, this, nullptr);
  if (gst_pad_link(pad, entry.get()) != GST_PAD_LINK_OK)
    throw std::runtime_error("A stream of " + job_.content + " cannot be written to " + job_.output + ".");
}

// The first picture is painted; sound and subtitles go along, sound that the muxer does not take as AAC.
void StylizeJob::take_pad(GstPad* pad) {
  const std::string type = media_type(pad);
  CapsPtr caps(gst_pad_get_current_caps(pad));
  if (!caps) caps.reset(gst_pad_query_caps(pad, nullptr));
  if (type == "video/x-raw") {
    if (gst_pad_is_linked(video_entry_.get())) return;
    if (gst_pad_link(pad, video_entry_.get()) != GST_PAD_LINK_OK)
      throw std::runtime_error("The picture of " + job_.content + " cannot be used.");
  } else if (type == "audio/x-raw" && muxer_ != nullptr) {
    GstElement* encoder = add_element(bin(), "avenc_aac");
    g_object_set(encoder, "bitrate", kAudioBitRate, nullptr);
    link_to_muxer(pad, nullptr,
                  {add_element(bin(), "audioconvert"), add_element(bin(), "audioresample"), encoder, add_element(bin(), "aacparse"),
                   add_mux_queue(bin())});
  } else if (type == "text/x-raw" && muxer_ != nullptr) {
    const CapsPtr plain(gst_caps_new_simple("text/x-raw", "format", G_TYPE_STRING, "utf8", nullptr));
    GstElement* relabel = add_element(bin(), "capssetter");
    g_object_set(relabel, "caps", plain.get(), nullptr);
    const ObjectPtr<GstPad> entry(gst_element_get_static_pad(relabel, "sink"));
    gst_pad_add_probe(entry.get(), GST_PAD_PROBE_TYPE_BUFFER, unescape_text, nullptr, nullptr);
    link_to_muxer(pad, plain.get(), {relabel, add_mux_queue(bin())});
  } else if (muxer_may_take(caps.get())) {
    link_to_muxer(pad, caps.get(), {add_mux_queue(bin())});
  } else if (muxer_ != nullptr) {
    std::fprintf(stderr, "%s: its stream of %s has no place in %s and is left out\n", job_.content.c_str(), type.c_str(),
                 job_.output.c_str());
  }
}

void StylizeJob::on_pad_added(GstElement* decoder, GstPad* pad, gpointer self) {
  try {
    static_cast<StylizeJob*>(self)->take_pad(pad);
  } catch (const std::exception& error) {
    GST_ELEMENT_ERROR(decoder, CORE, PAD, ("%s", error.what()), (nullptr));
  }
}

void StylizeJob::on_no_more_pads(GstElement* decoder, gpointer self) {
  if (!gst_pad_is_linked(static_cast<StylizeJob*>(self)->video_entry_.get())) {
    GST_ELEMENT_ERROR(decoder, STREAM, WRONG_TYPE, ("there is no picture in it"), (nullptr));
  }
}

// After Ctrl-C the stream ends here, so that the encoders and the muxer finish the file in their usual way.
GstPadProbeReturn StylizeJob::on_decoded(GstPad* pad, GstPadProbeInfo*, gpointer self) {
  if (!static_cast<StylizeJob*>(self)->interrupted_) return GST_PAD_PROBE_OK;
  gst_pad_send_event(pad, gst_event_new_eos());
  return GST_PAD_PROBE_DROP;
}

// The sound is far ahead of the picture; after Ctrl-C what lies beyond the last picture is left out.
GstPadProbeReturn StylizeJob::on_beside_picture(GstPad*, GstPadProbeInfo* info, gpointer self) {
  const auto* job = static_cast<StylizeJob*>(self);
  const GstClockTime start = GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info));
  const bool beyond = GST_CLOCK_TIME_IS_VALID(start) && start > static_cast<GstClockTime>(job->progress_.position_ns());
  return job->interrupted_ && beyond ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

GstPadProbeReturn StylizeJob::on_painted(GstPad*, GstPadProbeInfo* info, gpointer self) {
  const GstBuffer* frame = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime length = GST_BUFFER_DURATION_IS_VALID(frame) ? GST_BUFFER_DURATION(frame) : 0;
  const GstClockTime end = GST_BUFFER_PTS_IS_VALID(frame) ? GST_BUFFER_PTS(frame) + length : 0;
  static_cast<StylizeJob*>(self)->progress_.frame_done(static_cast<std::int64_t>(end));
  return GST_PAD_PROBE_OK;
}

void StylizeJob::interrupt() {
  if (!interrupted_.exchange(true)) return;
  failure_ = "Stopped at once; nothing is kept.";
  loop_.quit();
}

void StylizeJob::show_progress() {
  gint64 duration = 0;
  if (!gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &duration)) duration = 0;
  progress_.show(duration);
}

// Says whose fault an error is: the output's, the element's (its text stands for itself) or the video's.
void StylizeJob::explain(GstMessage* error) {
  const std::string text = error_text(error);
  if (comes_from(error, "filesink")) {
    failure_ = job_.output + " cannot be written: " + text;
  } else if (comes_from(error, "adainstyle")) {
    failure_ = text;
  } else if (comes_from(error, "mp4mux") || comes_from(error, "matroskamux") || comes_from(error, "x264enc") ||
             comes_from(error, "avenc_aac")) {
    failure_ = job_.output + " cannot be encoded: " + text;
  } else {
    failure_ = job_.content + " cannot be read as a video: " + text;
  }
}

int StylizeJob::run() {
  LoopHandlers handlers;
  handlers.error = [this](GstMessage* message) {
    if (failure_.empty()) explain(message);
  };
  handlers.signal = [this] { interrupt(); };
  handlers.tick = [this] { show_progress(); };
  handlers.tick_ms = kProgressIntervalMs;
  loop_.run(pipeline_.get(), handlers);
  progress_.clear();
  return finish();
}

int StylizeJob::finish() {
  std::error_code error;
  const auto frames = static_cast<long long>(progress_.frames());
  if (failure_.empty() && frames == 0) failure_ = job_.content + ": no frame came out of it.";
  if (failure_.empty() && !picture_ && frames == 1 && !interrupted_)
    failure_ = job_.content + " holds one frame only: it is a picture, not a video.";
  if (failure_.empty() && picture_ && frames > 1)
    failure_ = job_.content + " holds more than one frame: it is a video, not a picture.";
  if (failure_.empty()) {
    fs::rename(partial_, job_.output, error);
    if (error) failure_ = job_.output + " cannot be written: " + error.message() + ".";
  }
  if (!failure_.empty()) {
    fs::remove(partial_, error);
    throw std::runtime_error(failure_);
  }
  if (picture_) {
    std::printf("%s\n", job_.output.c_str());
  } else if (interrupted_) {
    std::printf("%s: %lld frames, %.1f frames a second (ended early; the rest begins with --start %.3f)\n", job_.output.c_str(),
                frames, progress_.frames_a_second(), static_cast<double>(progress_.position_ns()) / GST_SECOND);
  } else {
    std::printf("%s: %lld frames, %.1f frames a second\n", job_.output.c_str(), frames, progress_.frames_a_second());
  }
  std::fflush(stdout);
  return interrupted_ ? kExitInterrupted : 0;
}

}  // namespace

bool is_picture_name(const std::string& path) { return ends_in(path, {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}); }

bool is_video_name(const std::string& path) {
  return ends_in(path,
                 {".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".ts", ".mts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv", ".3gp"});
}

int stylize(const Job& job) { return StylizeJob(job).run(); }
