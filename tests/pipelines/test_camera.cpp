// SPDX-License-Identifier: MIT
//
// test-camera PORT LAUNCH [--user NAME:PASSWORD] [--certificate PEM] [--record]
//
// An RTSP camera on 127.0.0.1 at /live, as a process of its own that tests can kill and stop. LAUNCH is the description of its
// pipeline in gst-rtsp-server's syntax; --record makes it a media server that is pushed to. Prints the port when it listens.

#include <cstdio>
#include <cstring>
#include <string>

#include <gst/gst.h>
#include <gst/rtsp-server/rtsp-server.h>

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

}  // namespace

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  if (argc < 3) return 2;
  std::string user;
  std::string certificate;
  bool record = false;
  for (int i = 3; i < argc; ++i) {
    if (std::strcmp(argv[i], "--record") == 0) {
      record = true;
    } else if (i + 1 < argc && std::strcmp(argv[i], "--user") == 0) {
      user = argv[++i];
    } else if (i + 1 < argc && std::strcmp(argv[i], "--certificate") == 0) {
      certificate = argv[++i];
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
