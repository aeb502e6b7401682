// SPDX-License-Identifier: MIT
#include "status_server.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <microhttpd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relay {
namespace {

constexpr unsigned kMaxConnections = 32;
constexpr unsigned kTimeoutSeconds = 5;
const std::string kUnix = "unix:";

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
using SocketPtr = std::unique_ptr<GSocket, Unref>;
using AddressPtr = std::unique_ptr<GSocketAddress, Unref>;

[[noreturn]] void refuse(const std::string& address, const std::string& reason) {
  throw std::runtime_error("Cannot answer status requests on " + address + ": " + reason + ".");
}

AddressPtr parse(const std::string& address) {
  if (address.compare(0, kUnix.size(), kUnix) == 0) {
    return AddressPtr(g_unix_socket_address_new(address.c_str() + kUnix.size()));
  }
  const std::size_t colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "127.0.0.1" : address.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  guint64 port = 0;
  const std::string digits = colon == std::string::npos ? address : address.substr(colon + 1);
  if (!g_ascii_string_to_unsigned(digits.c_str(), 10, 0, 65535, &port, nullptr)) refuse(address, "there is no port number in it");
  GSocketAddress* result = g_inet_socket_address_new_from_string(host.c_str(), static_cast<guint>(port));
  if (result == nullptr) refuse(address, "the host must be a numeric address");
  return AddressPtr(result);
}

// A socket file that an earlier run left behind would be in the way; any other file stays.
void remove_stale_socket(const std::string& path) {
  struct stat status = {};
  if (lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) unlink(path.c_str());
}

SocketPtr listen(const std::string& text, GSocketAddress* address) {
  GError* error = nullptr;
  SocketPtr socket(g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error));
  if (!socket || !g_socket_bind(socket.get(), address, TRUE, &error) || !g_socket_listen(socket.get(), &error)) {
    const std::string reason = error->message;
    g_error_free(error);
    refuse(text, reason);
  }
  return socket;
}

std::string url_of(GSocket* socket, const std::string& text) {
  const AddressPtr address(g_socket_get_local_address(socket, nullptr));
  if (!address || !G_IS_INET_SOCKET_ADDRESS(address.get())) return text;
  char* name = g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address.get()));
  std::string url = std::string("http://") + name;
  g_free(name);
  return url;
}

MHD_Result reply(MHD_Connection* connection, unsigned code, const std::string& text, const std::string& type) {
  MHD_Response* response = MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type.c_str());
  const MHD_Result result = MHD_queue_response(connection, code, response);
  MHD_destroy_response(response);
  return result;
}

MHD_Result handle(void* self, MHD_Connection* connection, const char* path, const char* method, const char*, const char*,
                  std::size_t*, void**) {
  if (std::strcmp(method, MHD_HTTP_METHOD_GET) != 0)
    return reply(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n", "text/plain");
  std::string type;
  const std::string text = static_cast<const StatusServer*>(self)->answer(path, type);
  if (text.empty()) return reply(connection, MHD_HTTP_NOT_FOUND, "There are /status and /metrics.\n", "text/plain");
  return reply(connection, MHD_HTTP_OK, text, type);
}

}  // namespace

StatusServer::StatusServer(const std::string& text, std::function<RelayStatus()> status) : status_(std::move(status)) {
  const AddressPtr address = parse(text);
  if (G_IS_UNIX_SOCKET_ADDRESS(address.get())) {
    unix_path_ = text.substr(kUnix.size());
    remove_stale_socket(unix_path_);
  }
  const SocketPtr socket = listen(text, address.get());
  url_ = url_of(socket.get(), text);
  const int handle_of_its_own = dup(g_socket_get_fd(socket.get()));
  if (handle_of_its_own < 0) refuse(text, "there are no file handles left");
  daemon_ = MHD_start_daemon(MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC, 0, nullptr, nullptr, handle, this,
                             MHD_OPTION_LISTEN_SOCKET, handle_of_its_own, MHD_OPTION_CONNECTION_LIMIT, kMaxConnections,
                             MHD_OPTION_CONNECTION_TIMEOUT, kTimeoutSeconds, MHD_OPTION_END);
  if (daemon_ == nullptr) {
    close(handle_of_its_own);
    refuse(text, "the HTTP server does not start");
  }
}

StatusServer::~StatusServer() {
  MHD_stop_daemon(daemon_);
  if (!unix_path_.empty()) unlink(unix_path_.c_str());
}

std::string StatusServer::answer(const std::string& path, std::string& type) const {
  if (path == "/status") {
    type = "application/json";
    return status_as_json(status_());
  }
  if (path == "/metrics") {
    type = "text/plain; version=0.0.4";
    return status_as_prometheus(status_());
  }
  return "";
}

}  // namespace relay
