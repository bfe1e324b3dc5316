#include "server/socket_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>

#include "server/address_prefix.h"

namespace sealgate {

bool SocketAddress::parse(const std::string& host, uint16_t port, SocketAddress* out) {
  *out = {};
  if (::inet_pton(AF_INET, host.c_str(), &out->any_.v4.sin_addr) == 1) {
    out->any_.v4.sin_family = AF_INET;
    out->any_.v4.sin_port = htons(port);
    out->size_ = sizeof out->any_.v4;
    return true;
  }
  *out = {};
  if (::inet_pton(AF_INET6, host.c_str(), &out->any_.v6.sin6_addr) == 1) {
    out->any_.v6.sin6_family = AF_INET6;
    out->any_.v6.sin6_port = htons(port);
    out->size_ = sizeof out->any_.v6;
    return true;
  }
  return false;
}

bool SocketAddress::parse_path(const std::string& path, SocketAddress* out) {
  *out = {};
  if (path.empty() || path.size() >= sizeof out->any_.local.sun_path) return false;
  out->any_.local.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), out->any_.local.sun_path);
  const bool abstract = path.front() == '@';
  if (abstract) out->any_.local.sun_path[0] = '\0';
  out->size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return true;
}

Status SocketAddress::of(int socket, SocketAddress* out) {
  socklen_t size;
  if (::getsockname(socket, out->fill(&size), &size) != 0) return Status::last("getsockname");
  out->filled(size);
  return {};
}

sockaddr* SocketAddress::fill(socklen_t* size) {
  *this = {};
  *size = sizeof any_;
  return &any_.any;
}

std::string SocketAddress::host() const {
  if (family() == AF_UNIX) return std::string(kUnixPeer);
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &any_.v4.sin_addr, text, sizeof text);
  } else if (IN6_IS_ADDR_V4MAPPED(&any_.v6.sin6_addr)) {
    ::inet_ntop(AF_INET, any_.v6.sin6_addr.s6_addr + 12, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, &any_.v6.sin6_addr, text, sizeof text);
  }
  return text;
}

uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(any_.v4.sin_port);
  return family() == AF_INET6 ? ntohs(any_.v6.sin6_port) : 0;
}

std::string SocketAddress::path() const {
  const size_t before = offsetof(sockaddr_un, sun_path);
  if (family() != AF_UNIX || size_ <= before) return {};
  const std::string name(any_.local.sun_path, size_ - before);
  return name.front() == '\0' ? "@" + name.substr(1) : name.substr(0, name.find('\0'));
}

std::string SocketAddress::text() const {
  if (family() == AF_UNIX) return "unix:" + path();
  return host() + " port " + std::to_string(port());
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return family() == other.family() && host() == other.host() && port() == other.port() &&
         path() == other.path();
}

}  // namespace sealgate
