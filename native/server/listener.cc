#include "server/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sealgate {
namespace {

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

bool parse(const ListenerOptions& options, Address* out, socklen_t* size) {
  std::memset(out, 0, sizeof *out);
  if (::inet_pton(AF_INET, options.host.c_str(), &out->v4.sin_addr) == 1) {
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(options.port);
    *size = sizeof out->v4;
    return true;
  }
  if (::inet_pton(AF_INET6, options.host.c_str(), &out->v6.sin6_addr) == 1) {
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(options.port);
    *size = sizeof out->v6;
    return true;
  }
  return false;
}

Fd open_socket(int family, bool v6_only) {
  Fd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  const int one = 1;
  if (fd) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (fd && v6_only) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  return fd;
}

// Binds without SO_REUSEPORT, which fails if any other socket listens there.
Status nobody_listens(const Address& address, socklen_t size, bool v6_only) {
  const Fd probe = open_socket(address.any.sa_family, v6_only);
  if (!probe) return Status::last("socket");
  if (::bind(probe.get(), &address.any, size) != 0) return Status::last("bind");
  return {};
}

std::string text_of(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* from = address.any.sa_family == AF_INET ? static_cast<const void*>(&address.v4.sin_addr)
                                                      : static_cast<const void*>(&address.v6.sin6_addr);
  ::inet_ntop(address.any.sa_family, from, text, sizeof text);
  return text;
}

bool is_v4(const ListenerOptions& listener) { return listener.host.find(':') == std::string::npos; }

}  // namespace

bool Listener::leaves_v4(const ListenerOptions& listener, const std::vector<ListenerOptions>& all) {
  return !is_v4(listener) && listener.port != 0 &&
         std::any_of(all.begin(), all.end(),
                     [&](const auto& other) { return other.port == listener.port && is_v4(other); });
}

Status Listener::bind(const ListenerOptions& options, bool shared, Listener* out) {
  Address address;
  socklen_t size;
  if (!parse(options, &address, &size)) return {EINVAL, "host is no numeric address"};
  if (!shared && options.port != 0) {
    if (const Status status = nobody_listens(address, size, options.v6_only); !status.ok()) return status;
  }
  Fd fd = open_socket(address.any.sa_family, options.v6_only);
  if (!fd) return Status::last("socket");
  const int one = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0)
    return Status::last("SO_REUSEPORT");
  if (::bind(fd.get(), &address.any, size) != 0) return Status::last("bind");
  constexpr int kBacklog = 4096;  // the kernel lowers it to net.core.somaxconn
  if (::listen(fd.get(), kBacklog) != 0) return Status::last("listen");
  if (::getsockname(fd.get(), &address.any, &size) != 0) return Status::last("getsockname");
  out->socket_ = std::move(fd);
  out->host_ = options.host;
  out->port_ = ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
  out->tls_ = options.tls;
  out->http2_ = options.http2;
  return {};
}

Fd Listener::accept(std::string* peer, int* error) const {
  Address address;
  socklen_t size = sizeof address;
  Fd fd(::accept4(socket_.get(), &address.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    *error = errno;
    return fd;
  }
  // Responses are written whole or with MSG_MORE, so Nagle's algorithm could only delay the last segment.
  const int one = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  *peer = text_of(address);
  return fd;
}

}  // namespace sealgate
