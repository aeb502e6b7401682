// SPDX-License-Identifier: MIT
#include "painter.h"

#include <utility>

namespace relay {
namespace {

void set_style(GstElement* element, const CameraSettings& settings) {
  g_object_set(element, "strength", settings.strength, "style-size", settings.style_size, "style-image", settings.style.c_str(),
               nullptr);
}

}  // namespace

ObjectPtr<GstElement> Painter::build(const CameraSettings& settings) {
  ObjectPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  GstBin* bin = GST_BIN(pipeline.get());
  GstElement* entry = add_entry(bin, raw_caps("RGBx", settings.width, settings.height).get());
  g_object_set(entry, "max-buffers", guint64{1}, "block", TRUE, nullptr);
  GstElement* element = add_element(bin, "adainstyle");
  element_.reset(GST_ELEMENT(gst_object_ref(element)));
  g_object_set(element, "device", settings.device.c_str(), "threads", settings.threads, nullptr);
  if (!settings.model.empty()) g_object_set(element, "model", settings.model.c_str(), nullptr);
  gst_util_set_object_arg(G_OBJECT(element), "precision", settings.precision.c_str());
  set_style(element, settings);
  GstElement* converter = add_element(bin, "videoconvert");
  GstElement* filter = add_element(bin, "capsfilter");
  g_object_set(filter, "caps", raw_caps("I420", settings.width, settings.height).get(), nullptr);
  GstElement* sink = add_handover(bin, painted_);
  link_elements(entry, element);
  link_elements(element, converter);
  link_elements(converter, filter);
  link_elements(filter, sink);

  // Only an appsrc that runs may be pushed to: one that was never started, since the style or the model is bad, would let the
  // camera's thread wait for ever.
  GstAppSrcCallbacks callbacks = {};
  callbacks.need_data = [](GstAppSrc* source, guint, gpointer self) {
    auto* painter = static_cast<Painter*>(self);
    const std::lock_guard guard(painter->lock_);
    if (painter->entry_.get() != GST_ELEMENT(source)) painter->entry_.reset(GST_ELEMENT(gst_object_ref(source)));
  };
  gst_app_src_set_callbacks(GST_APP_SRC(entry), &callbacks, this, nullptr);
  return pipeline;
}

void Painter::push(SamplePtr sample) {
  ObjectPtr<GstElement> entry;
  {
    const std::lock_guard guard(lock_);
    if (!entry_) return;
    entry.reset(GST_ELEMENT(gst_object_ref(entry_.get())));
  }
  // Refused once the pipeline was stopped: the frame is lost.
  gst_app_src_push_buffer(GST_APP_SRC(entry.get()), gst_buffer_ref(gst_sample_get_buffer(sample.get())));
}

void Painter::restyle(const CameraSettings& settings) {
  if (element_) set_style(element_.get(), settings);
}

}  // namespace relay
