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

  GstAppSrcCallbacks callbacks = {};
  callbacks.need_data = [](GstAppSrc* source, guint, gpointer self) { static_cast<Painter*>(self)->feed(source); };
  gst_app_src_set_callbacks(GST_APP_SRC(entry), &callbacks, this, nullptr);
  const std::lock_guard guard(lock_);
  entry_.reset();
  newest_.reset();
  idle_ = false;
  return pipeline;
}

// On the pipeline's thread, which has nothing to paint.
void Painter::feed(GstAppSrc* entry) {
  const std::lock_guard guard(lock_);
  if (entry_.get() != GST_ELEMENT(entry)) entry_.reset(GST_ELEMENT(gst_object_ref(entry)));
  idle_ = !newest_;
  if (newest_) gst_app_src_push_buffer(entry, gst_buffer_ref(gst_sample_get_buffer(newest_.get())));
  newest_.reset();
}

void Painter::push(SamplePtr sample) {
  const std::lock_guard guard(lock_);
  if (idle_) {
    idle_ = false;
    gst_app_src_push_buffer(GST_APP_SRC(entry_.get()), gst_buffer_ref(gst_sample_get_buffer(sample.get())));
    return;
  }
  if (newest_) ++dropped_;
  newest_ = std::move(sample);
}

void Painter::restyle(const CameraSettings& settings) {
  if (element_) set_style(element_.get(), settings);
}

}  // namespace relay
