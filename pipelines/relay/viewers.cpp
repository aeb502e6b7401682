// SPDX-License-Identifier: MIT
#include "viewers.h"

#include <stdexcept>

#include "camera.h"

namespace relay {
namespace {

constexpr const char* kRole = "viewer";
constexpr const char* kCameraKey = "relay-camera";
constexpr unsigned kCleanEveryMs = 2000;

// Clients share these threads; what one of them waits for (a picture, when it is the first) holds up few others.
constexpr int kClientThreads = 4;

constexpr guint kMaxSessions = 256;
constexpr gint kAcceptBacklog = 64;

// A connection that has not set up a stream by then is closed: it costs a file handle.
constexpr unsigned kSetUpMs = 10'000;

GTlsCertificate* read_certificate(const RelaySettings& settings) {
  GError* error = nullptr;
  GTlsCertificate* certificate =
      settings.tls_key.empty()
          ? g_tls_certificate_new_from_file(settings.tls_certificate.c_str(), &error)
          : g_tls_certificate_new_from_files(settings.tls_certificate.c_str(), settings.tls_key.c_str(), &error);
  if (certificate != nullptr) return certificate;
  const std::string reason = error->message;
  g_error_free(error);
  throw std::runtime_error("The certificate " + settings.tls_certificate + " cannot be used: " + reason + ".");
}

// Feeds a stream's pipeline for as long as it lives.
struct Feed {
  Camera* camera;
  ObjectPtr<GstElement> source;
  ~Feed() { camera->outlets().detach(source.get()); }
};

void on_media(GstRTSPMediaFactory*, GstRTSPMedia* media, gpointer data) {
  auto* camera = static_cast<Camera*>(data);
  const ObjectPtr<GstElement> bin(gst_rtsp_media_get_element(media));
  ObjectPtr<GstElement> source(gst_bin_get_by_name(GST_BIN(bin.get()), "outlet"));
  configure_outlet_source(source.get());
  camera->outlets().attach(source.get());
  g_object_set_data_full(G_OBJECT(media), kCameraKey, new Feed{camera, std::move(source)},
                         [](gpointer feed) { delete static_cast<Feed*>(feed); });
}

Camera* camera_of(GstRTSPMedia* media) {
  auto* feed = media != nullptr ? static_cast<Feed*>(g_object_get_data(G_OBJECT(media), kCameraKey)) : nullptr;
  return feed != nullptr ? feed->camera : nullptr;
}

void on_play(GstRTSPClient*, GstRTSPContext* context, gpointer) {
  if (Camera* camera = camera_of(context->media)) camera->outlets().request_key_frame();
}

gboolean close_if_idle(gpointer data) {
  auto* weak = static_cast<GWeakRef*>(data);
  if (gpointer object = g_weak_ref_get(weak)) {
    GstRTSPClient* client = GST_RTSP_CLIENT(object);
    GList* sessions = gst_rtsp_client_session_filter(client, nullptr, nullptr);
    if (sessions == nullptr) gst_rtsp_client_close(client);
    g_list_free_full(sessions, g_object_unref);
    g_object_unref(client);
  }
  return G_SOURCE_REMOVE;
}

void on_client(GstRTSPServer*, GstRTSPClient* client, gpointer) {
  g_signal_connect(client, "play-request", G_CALLBACK(on_play), nullptr);
  auto* weak = new GWeakRef;
  g_weak_ref_init(weak, client);
  g_timeout_add_full(G_PRIORITY_DEFAULT, kSetUpMs, close_if_idle, weak, [](gpointer data) {
    g_weak_ref_clear(static_cast<GWeakRef*>(data));
    delete static_cast<GWeakRef*>(data);
  });
}

gboolean drop_expired_sessions(gpointer server) {
  GstRTSPSessionPool* pool = gst_rtsp_server_get_session_pool(GST_RTSP_SERVER(server));
  gst_rtsp_session_pool_cleanup(pool);
  g_object_unref(pool);
  return G_SOURCE_CONTINUE;
}

}  // namespace

Viewers::Viewers(const RelaySettings& settings)
    : scheme_(settings.tls_certificate.empty() ? "rtsp" : "rtsps"), server_(gst_rtsp_server_new()) {
  gst_rtsp_server_set_address(server_.get(), settings.address.c_str());
  gst_rtsp_server_set_service(server_.get(), std::to_string(settings.port).c_str());
  gst_rtsp_server_set_backlog(server_.get(), kAcceptBacklog);
  GstRTSPThreadPool* threads = gst_rtsp_server_get_thread_pool(server_.get());
  gst_rtsp_thread_pool_set_max_threads(threads, kClientThreads);
  g_object_unref(threads);
  GstRTSPSessionPool* sessions = gst_rtsp_server_get_session_pool(server_.get());
  gst_rtsp_session_pool_set_max_sessions(sessions, kMaxSessions);
  g_object_unref(sessions);
  protect(settings);
  g_signal_connect(server_.get(), "client-connected", G_CALLBACK(on_client), nullptr);
  GError* error = nullptr;
  GSource* source = gst_rtsp_server_create_source(server_.get(), nullptr, &error);
  if (source == nullptr) {
    const std::string reason = error->message;
    g_error_free(error);
    throw std::runtime_error("Cannot serve on " + settings.address + ", port " + std::to_string(settings.port) + ": " + reason +
                             ".");
  }
  source_ = g_source_attach(source, nullptr);
  g_source_unref(source);
  cleaner_ = add_timer(nullptr, kCleanEveryMs, drop_expired_sessions, server_.get());
}

Viewers::~Viewers() {
  cleaner_.reset();
  if (source_ != 0) g_source_remove(source_);
  const auto remove = [](GstRTSPServer*, GstRTSPClient*, gpointer) { return GST_RTSP_FILTER_REMOVE; };
  gst_rtsp_server_client_filter(server_.get(), remove, nullptr);
}

// A user and a password, a certificate, or both. Viewers that log in, or all where no password is set, get one role.
void Viewers::protect(const RelaySettings& settings) {
  if (settings.user.empty() && settings.tls_certificate.empty()) return;
  const std::unique_ptr<GstRTSPAuth, ObjectUnref> auth(gst_rtsp_auth_new());
  GstRTSPToken* token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  if (settings.user.empty()) {
    gst_rtsp_auth_set_default_token(auth.get(), token);
  } else {
    gst_rtsp_auth_set_supported_methods(auth.get(), GST_RTSP_AUTH_DIGEST);
    gst_rtsp_auth_add_digest(auth.get(), settings.user.c_str(), settings.password.c_str(), token);
  }
  gst_rtsp_token_unref(token);
  if (!settings.tls_certificate.empty()) {
    GTlsCertificate* certificate = read_certificate(settings);
    gst_rtsp_auth_set_tls_certificate(auth.get(), certificate);
    g_object_unref(certificate);
  }
  gst_rtsp_server_set_auth(server_.get(), auth.get());
}

void Viewers::add(Camera& camera) {
  const bool h264 = camera.settings().codec == Codec::kH264;
  GstRTSPMediaFactory* factory = gst_rtsp_media_factory_new();
  gst_rtsp_media_factory_set_launch(factory,
                                    h264 ? "( appsrc name=outlet ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
                                         : "( appsrc name=outlet ! rtpjpegpay name=pay0 pt=26 )");
  gst_rtsp_media_factory_set_shared(factory, TRUE);
  gst_rtsp_media_factory_set_protocols(factory,
                                       static_cast<GstRTSPLowerTrans>(GST_RTSP_LOWER_TRANS_UDP | GST_RTSP_LOWER_TRANS_TCP));
  gst_rtsp_media_factory_add_role(factory, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                  GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  g_signal_connect(factory, "media-configure", G_CALLBACK(on_media), &camera);
  GstRTSPMountPoints* mounts = gst_rtsp_server_get_mount_points(server_.get());
  gst_rtsp_mount_points_add_factory(mounts, ("/" + camera.name()).c_str(), factory);
  g_object_unref(mounts);
  log_.info("%s%s", base_url().c_str(), camera.name().c_str());
}

std::string Viewers::base_url() const {
  char* address = gst_rtsp_server_get_address(server_.get());
  std::string url = scheme_ + "://" + address + ":" + std::to_string(gst_rtsp_server_get_bound_port(server_.get())) + "/";
  g_free(address);
  return url;
}

std::map<std::string, unsigned> Viewers::count() const {
  std::map<std::string, unsigned> counts;
  const auto count_media = [](GstRTSPSession*, GstRTSPSessionMedia* media, gpointer data) {
    Camera* camera = camera_of(gst_rtsp_session_media_get_media(media));
    if (camera != nullptr && gst_rtsp_session_media_get_rtsp_state(media) == GST_RTSP_STATE_PLAYING) {
      ++(*static_cast<std::map<std::string, unsigned>*>(data))[camera->name()];
    }
    return GST_RTSP_FILTER_KEEP;
  };
  struct Walk {
    GstRTSPSessionFilterFunc count_media;
    gpointer data;
  } walk = {count_media, &counts};
  const auto count_session = [](GstRTSPSessionPool*, GstRTSPSession* session, gpointer data) {
    const auto* inner = static_cast<Walk*>(data);
    gst_rtsp_session_filter(session, inner->count_media, inner->data);
    return GST_RTSP_FILTER_KEEP;
  };
  GstRTSPSessionPool* pool = gst_rtsp_server_get_session_pool(server_.get());
  gst_rtsp_session_pool_filter(pool, count_session, &walk);
  g_object_unref(pool);
  return counts;
}

}  // namespace relay
