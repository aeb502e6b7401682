// SPDX-License-Identifier: MIT
#include "camera.h"

#include <memory>
#include <utility>

namespace relay {
namespace {

constexpr unsigned kTickMs = 50;
constexpr GstClockTime kMeasureEvery = 2 * GST_SECOND;

SupervisorTimes input_times(const CameraSettings& settings) {
  return {settings.retry_min, settings.retry_max, settings.connect_timeout, settings.stall_timeout};
}

SupervisorTimes retry_times(const CameraSettings& settings) { return {settings.retry_min, settings.retry_max, 0, 0}; }

}  // namespace

Camera::Camera(CameraSettings settings)
    : settings_(std::move(settings)),
      log_(settings_.name),
      outlets_([this] { encoder_.request_key_frame(); }),
      encoder_(settings_,
               [this](SamplePtr sample) {
                 encoding_.alive();
                 outlets_.push(sample.get());
               }),
      painter_([this](SamplePtr sample) { take_painted(std::move(sample)); }),
      context_(g_main_context_new()),
      loop_(g_main_loop_new(context_, FALSE)),
      encoding_(context_, log_, "encoder", retry_times(settings_), [this] { return encoder_.build(); }),
      painting_(context_, log_, "painter", retry_times(settings_), [this] { return painter_.build(settings_); }),
      input_(context_, log_, "camera", input_times(settings_), [this] { return build_input(); }) {
  status_.name = settings_.name;
  if (!settings_.publish.empty()) {
    publishing_.emplace(context_, log_, "publisher", input_times(settings_), [this] { return build_publisher(); });
  }
}

Camera::~Camera() {
  request_stop();
  join();
  g_main_loop_unref(loop_);
  g_main_context_unref(context_);
}

void Camera::start() {
  thread_ = std::thread([this] { run(); });
}

// By way of the context, so that what comes before the loop runs is not lost.
void Camera::post(GSourceFunc function, gpointer data) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_HIGH);
  g_source_set_callback(source, function, data, nullptr);
  g_source_attach(source, context_);
  g_source_unref(source);
}

void Camera::request_stop() {
  const auto quit = [](gpointer loop) -> gboolean {
    g_main_loop_quit(static_cast<GMainLoop*>(loop));
    return G_SOURCE_REMOVE;
  };
  post(quit, loop_);
}

void Camera::join() {
  if (thread_.joinable()) thread_.join();
}

void Camera::run() {
  g_main_context_push_thread_default(context_);
  const auto on_tick = [](gpointer self) -> gboolean {
    static_cast<Camera*>(self)->tick();
    return G_SOURCE_CONTINUE;
  };
  {
    const SourcePtr ticker = add_timer(context_, kTickMs, on_tick, this);
    encoding_.start();
    encoder_.fill(false);
    painting_.start();
    input_.start();
    if (publishing_) publishing_->start();
    g_main_loop_run(loop_);
  }
  if (publishing_) publishing_->stop();
  if (publish_source_) outlets_.detach(publish_source_.get());
  input_.stop();
  painting_.stop();
  encoding_.stop();
  g_main_context_pop_thread_default(context_);
}

ObjectPtr<GstElement> Camera::build_input() {
  return build_camera_input(
      settings_, input_counts_, [this] { input_.alive(); }, [this](SamplePtr sample) { painter_.push(std::move(sample)); });
}

void Camera::take_painted(SamplePtr sample) {
  painting_.alive();
  ++painted_;
  encoder_.push(std::move(sample));
}

ObjectPtr<GstElement> Camera::build_publisher() {
  if (publish_source_) outlets_.detach(publish_source_.get());
  ObjectPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  GstBin* bin = GST_BIN(pipeline.get());
  GstElement* source = add_element(bin, "appsrc");
  configure_outlet_source(source);
  GstElement* parser = add_element(bin, settings_.codec == Codec::kH264 ? "h264parse" : "jpegparse");
  GstElement* queue = add_element(bin, "queue");  // the sink's delay
  GstElement* sink = add_element(bin, "rtspclientsink");
  g_object_set(sink, "location", settings_.publish.c_str(), nullptr);
  gst_util_set_object_arg(G_OBJECT(sink), "protocols", "tcp");
  link_elements(source, parser);
  link_elements(parser, queue);
  link_elements(queue, sink);
  // A frame that leaves the queue was taken by the sink, or will be: where the server stands still the sink takes no more.
  const auto on_sent = [](GstPad*, GstPadProbeInfo*, gpointer self) {
    static_cast<Camera*>(self)->publishing_->alive();
    return GST_PAD_PROBE_OK;
  };
  const ObjectPtr<GstPad> pad(gst_element_get_static_pad(queue, "src"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, on_sent, this, nullptr);
  publish_source_.reset(GST_ELEMENT(gst_object_ref(source)));
  outlets_.attach(source);
  return pipeline;
}

void Camera::tick() {
  encoder_.fill(input_.running() && painting_.running());
  if (gst_util_get_timestamp() - measured_at_ >= kMeasureEvery) measure();
}

void Camera::measure() {
  const GstClockTime now = gst_util_get_timestamp();
  const std::uint64_t painted = painted_;
  const Delay delay = encoder_.take_delay();
  const double seconds = static_cast<double>(now - measured_at_) / GST_SECOND;
  const std::lock_guard guard(lock_);
  if (measured_at_ != 0) status_.fps = static_cast<double>(painted - measured_painted_) / seconds;
  status_.delay_ms = delay.mean_ms;
  status_.delay_worst_ms = delay.worst_ms;
  // Of several troubles the one nearest to the camera explains the others.
  status_.last_error = !input_.last_failure().empty() ? input_.last_failure() : painting_.last_failure();
  measured_at_ = now;
  measured_painted_ = painted;
}

void Camera::restyle(const CameraSettings& settings) {
  struct Task {
    Camera* camera;
    CameraSettings settings;
  };
  const auto apply = [](gpointer data) -> gboolean {
    const std::unique_ptr<Task> task(static_cast<Task*>(data));
    Camera& camera = *task->camera;
    camera.settings_.style = task->settings.style;
    camera.settings_.style_size = task->settings.style_size;
    camera.settings_.strength = task->settings.strength;
    camera.painter_.restyle(camera.settings_);
    camera.painting_.retry_now();
    camera.log_.info("style: %s, strength %g", camera.settings_.style.c_str(), camera.settings_.strength);
    return G_SOURCE_REMOVE;
  };
  post(apply, new Task{this, settings});
}

CameraStatus Camera::status() const {
  CameraStatus status;
  {
    const std::lock_guard guard(lock_);
    status = status_;
  }
  status.connected = input_.running();
  status.painting = status.connected && painting_.running();
  status.publishing = publishing_ && publishing_->running();
  status.decoded = input_counts_.decoded;
  status.dropped = input_counts_.dropped + painter_.dropped();
  status.painted = painted_;
  status.repeated = encoder_.repeated();
  status.restarts = input_.restarts();
  status.painter_restarts = painting_.restarts();
  status.publish_restarts = publishing_ ? publishing_->restarts() : 0;
  return status;
}

}  // namespace relay
