// SPDX-License-Identifier: MIT
//
// test-camera PORT LAUNCH [--user NAME:PASSWORD] [--certificate PEM] [--record] [--damage flip|cut|resize]
//
// An RTSP camera on 127.0.0.1 at /live, as a process of its own that tests can kill and stop. LAUNCH is the description of its
// pipeline in gst-rtsp-server's syntax; --record makes it a media server that is pushed to. Prints the port when it listens.
//
// --damage is what packet_damage.h says. SIGUSR1 gives the capsfilter called "size" the next of three sizes, in the middle of the
// stream.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <glib-unix.h>
#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

#include "packet_damage.h"

namespace {

constexpr const char* kRole = "user";

void protect(GstRTSPServer* server, const std::string& user, const std::string& certificate) {
  GstRTSPAuth* auth = gst_rtsp_auth_new();
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  if (user.empty()) {
    gst_rtsp_auth_set_default_token(auth, token);
  } else {
    const std::size_t colon = user.find(':');
    gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
    gst_rtsp_auth_add_digest(auth, user.substr(0, colon).c_str(), user.substr(colon + 1).c_str(), token);
  }
  gst_rtsp_token_unref(token);
  if (!certificate.empty()) {
    GTlsCertificate* tls = g_tls_certificate_new_from_file(certificate.c_str(), nullptr);
    gst_rtsp_auth_set_tls_certificate(auth, tls);
    g_object_unref(tls);
  }
  gst_rtsp_server_set_auth(server, auth);
  g_object_unref(auth);
}

// The camera's pipeline, of its latest media.
GstElement* pipeline = nullptr;

void on_media(GstRTSPMediaFactory*, GstRTSPMedia* media, gpointer damager) {
  if (pipeline != nullptr) gst_object_unref(pipeline);
  pipeline = gst_rtsp_media_get_element(media);
  GstElement* payloader = gst_bin_get_by_name(GST_BIN(pipeline), "pay0");
  if (payloader == nullptr) return;
  GstPad* pad = gst_element_get_static_pad(payloader, "src");
  static_cast<Damager*>(damager)->add_to(pad);
  gst_object_unref(pad);
  gst_object_unref(payloader);
}

gboolean on_change_size(gpointer) {
  static const int kSizes[][2] = {{848, 480}, {640, 360}, {320, 180}};
  static unsigned next = 0;
  GstElement* filter = pipeline != nullptr ? gst_bin_get_by_name(GST_BIN(pipeline), "size") : nullptr;
  if (filter == nullptr) return G_SOURCE_CONTINUE;
  const int* size = kSizes[next++ % 3];
  GstCaps* caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, size[0], "height",
                                      G_TYPE_INT, size[1], "framerate", GST_TYPE_FRACTION, 25, 1, nullptr);
  g_object_set(filter, "caps", caps, nullptr);
  gst_caps_unref(caps);
  gst_object_unref(filter);
  return G_SOURCE_CONTINUE;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  if (argc < 3) return 2;
  std::string user;
  std::string certificate;
  Damage damage = Damage::kNone;
  bool record = false;
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--record") == 0) {
      record = true;
    } else if (i + 1 < argc && std::strcmp(argv[i], "--user") == 0) {
      user = argv[++i];
    } else if (i + 1 < argc && std::strcmp(argv[i], "--certificate") == 0) {
      certificate = argv[++i];
    } else if (i + 1 < argc && std::strcmp(argv[i], "--damage") == 0) {
      damage = damage_called(argv[++i]);
    } else {
      return 2;
    }
  }
  GstRTSPServer* server = gst_rtsp_server_new();
  gst_rtsp_server_set_address(server, "127.0.0.1");
  gst_rtsp_server_set_service(server, argv[1]);
  if (!user.empty() || !certificate.empty()) protect(server, user, certificate);
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory, argv[2]);
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  Damager damager(damage);
  if (!record) g_signal_connect(factory, "media-configure", G_CALLBACK(on_media), &damager);
  g_unix_signal_add(SIGUSR1, on_change_size, nullptr);
  if (record) gst_rtsp_media_factory_set_transport_mode(factory, GST_RTSP_TRANSPORT_MODE_RECORD);
  gst_rtsp_media_factory_add_role(factory, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                  GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(server);
  gst_rtsp_mount_points_add_factory(mounts, "/live", factory);
  g_object_unref(mounts);
  if (gst_rtsp_server_attach(server, nullptr) == 0) return 1;
  std::printf("%d\n", gst_rtsp_server_get_bound_port(server));
  std::fflush(stdout);
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_main_loop_run(loop);
  return 0;
}
