// SPDX-License-Identifier: MIT
#include "camera_input.h"

#include <cstring>
#include <stdexcept>
#include <utility>

#include <gio/gio.h>

namespace relay {
namespace {

// What the pads' and elements' callbacks need, for as long as the pipeline lives.
struct Input {
  InputCounts& counts;
  std::function<void()> decoded_frame;
  GstElement* decoder;  // the pipeline's
  GstElement* queue;    // the pipeline's
};

// Sound and metadata streams of the camera are left where they are.
gboolean select_stream(GstElement*, guint, GstCaps* caps, gpointer) {
  const char* media = gst_structure_get_string(gst_caps_get_structure(caps, 0), "media");
  return media != nullptr && std::strcmp(media, "video") == 0;
}

void link_to(GstElement* element, GstPad* pad) {
  const ObjectPtr<GstPad> sink(gst_element_get_static_pad(element, "sink"));
  if (gst_pad_is_linked(sink.get())) return;
  const GstPadLinkReturn result = gst_pad_link(pad, sink.get());
  if (result != GST_PAD_LINK_OK) {
    GST_ELEMENT_ERROR(element, CORE, PAD, ("The camera sends what cannot be used: %s.", gst_pad_link_get_name(result)), (nullptr));
  }
}

void on_packets(GstElement*, GstPad* pad, gpointer data) { link_to(static_cast<Input*>(data)->decoder, pad); }

void on_frames(GstElement*, GstPad* pad, gpointer data) {
  if (media_type(pad) == "video/x-raw") link_to(static_cast<Input*>(data)->queue, pad);
}

// Stamps with the moment of decoding: the camera's own clock says nothing about delay on this side.
GstPadProbeReturn on_decoded(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* input = static_cast<Input*>(data);
  GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_BUFFER_PTS(buffer) = gst_util_get_timestamp();
  info->data = buffer;
  ++input->counts.decoded;
  input->decoded_frame();
  return GST_PAD_PROBE_OK;
}

// Over TCP a camera that closes the connection is gone, in the middle of the handshake too. rtspsrc calls that a warning, and then
// ends the streams that it has shown: before the first there are none, and nothing more would be heard of it.
GstBusSyncReply warning_is_error(GstBus* bus, GstMessage* message, gpointer) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_WARNING) return GST_BUS_PASS;
  GError* warning = nullptr;
  gst_message_parse_warning(message, &warning, nullptr);
  const bool lost = g_error_matches(warning, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ) != FALSE;
  g_error_free(warning);
  if (!lost) return GST_BUS_PASS;
  GError* error = g_error_new_literal(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ, "The camera has closed the connection.");
  gst_bus_post(bus, gst_message_new_error(GST_MESSAGE_SRC(message), error, nullptr));
  g_error_free(error);
  gst_message_unref(message);
  return GST_BUS_DROP;
}

// Called for a certificate that does not stand the test. rtspsrc itself says no more than that it could not connect.
gboolean refuse_certificate(GstElement* source, GTlsConnection*, GTlsCertificate*, GTlsCertificateFlags errors, gpointer) {
  const char* reason = (errors & G_TLS_CERTIFICATE_UNKNOWN_CA) != 0     ? "its authority is not known (camera-ca names one)"
                       : (errors & G_TLS_CERTIFICATE_BAD_IDENTITY) != 0 ? "it is for another host"
                       : (errors & G_TLS_CERTIFICATE_EXPIRED) != 0      ? "it has expired"
                                                                        : "it is not valid";
  GST_ELEMENT_ERROR(source, RESOURCE, NOT_AUTHORIZED, ("The camera's certificate is refused: %s.", reason), (nullptr));
  return FALSE;
}

void set_tls(GstElement* source, const CameraSettings& settings) {
  if (settings.tls_insecure) g_object_set(source, "tls-validation-flags", 0, nullptr);
  g_signal_connect(source, "accept-certificate", G_CALLBACK(refuse_certificate), nullptr);
  if (settings.tls_ca.empty()) return;
  GError* error = nullptr;
  GTlsDatabase* database = g_tls_file_database_new(settings.tls_ca.c_str(), &error);
  if (database == nullptr) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error(settings.tls_ca + " cannot be used as certificate authority: " + reason + ".");
  }
  g_object_set(source, "tls-database", database, nullptr);
  g_object_unref(database);
}

GstElement* add_source(GstBin* bin, const CameraSettings& settings) {
  GstElement* source = add_element(bin, "rtspsrc");
  const auto microseconds = static_cast<guint64>(settings.connect_timeout * G_USEC_PER_SEC);
  g_object_set(source, "location", settings.location.c_str(), "latency", static_cast<guint>(settings.latency), "drop-on-latency",
               TRUE, "tcp-timeout", microseconds, nullptr);
  const char* protocols = settings.protocol == "auto" ? "tcp+udp-mcast+udp" : settings.protocol.c_str();
  gst_util_set_object_arg(G_OBJECT(source), "protocols", protocols);
  if (!settings.user.empty()) {
    g_object_set(source, "user-id", settings.user.c_str(), "user-pw", settings.password.c_str(), nullptr);
  }
  set_tls(source, settings);
  return source;
}

}  // namespace

ObjectPtr<GstElement> build_camera_input(const CameraSettings& settings, InputCounts& counts, std::function<void()> decoded_frame,
                                         SampleHandler handler) {
  ObjectPtr<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
  GstBin* bin = GST_BIN(pipeline.get());
  GstElement* source = add_source(bin, settings);
  GstElement* decoder = add_element(bin, "decodebin");
  GstElement* queue = add_element(bin, "queue");
  g_object_set(queue, "max-size-buffers", 1u, "max-size-bytes", 0u, "max-size-time", guint64{0}, nullptr);
  gst_util_set_object_arg(G_OBJECT(queue), "leaky", "downstream");
  GstElement* deinterlacer = add_element(bin, "deinterlace");
  gst_util_set_object_arg(G_OBJECT(deinterlacer), "fields", "top");  // one frame for two fields
  GstElement* scaler = add_element(bin, "videoconvertscale");
  g_object_set(scaler, "add-borders", TRUE, nullptr);
  GstElement* filter = add_element(bin, "capsfilter");
  const CapsPtr caps = raw_caps("RGBx", settings.width, settings.height);
  gst_structure_remove_field(gst_caps_get_structure(caps.get(), 0), "framerate");  // whatever the camera's is
  g_object_set(filter, "caps", caps.get(), nullptr);
  GstElement* sink = add_handover(bin, std::move(handler));
  link_elements(queue, deinterlacer);
  link_elements(deinterlacer, scaler);
  link_elements(scaler, filter);
  link_elements(filter, sink);

  auto* input = new Input{counts, std::move(decoded_frame), decoder, queue};
  g_object_set_data_full(G_OBJECT(pipeline.get()), "relay-input", input, [](gpointer data) { delete static_cast<Input*>(data); });
  g_signal_connect(source, "select-stream", G_CALLBACK(select_stream), nullptr);
  g_signal_connect(source, "pad-added", G_CALLBACK(on_packets), input);
  g_signal_connect(decoder, "pad-added", G_CALLBACK(on_frames), input);
  const auto on_drop = [](GstElement*, gpointer data) { ++static_cast<Input*>(data)->counts.dropped; };
  g_signal_connect(queue, "overrun", G_CALLBACK(+on_drop), input);
  const ObjectPtr<GstPad> entry(gst_element_get_static_pad(queue, "sink"));
  gst_pad_add_probe(entry.get(), GST_PAD_PROBE_TYPE_BUFFER, on_decoded, input, nullptr);
  if (settings.protocol == "tcp") {
    const ObjectPtr<GstBus> bus(gst_element_get_bus(pipeline.get()));
    gst_bus_set_sync_handler(bus.get(), warning_is_error, nullptr, nullptr);
  }
  return pipeline;
}

}  // namespace relay
