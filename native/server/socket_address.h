// SocketAddress: the address of a stream socket: IPv4 or IPv6 with a port, or a path (unix(7)).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include "base/status.h"

namespace sealgate {

class SocketAddress {
 public:
  // No address.
  SocketAddress() = default;
  // False when the host is no numeric address.
  static bool parse(const std::string& host, uint16_t port, SocketAddress* out);
  // "@name" is one in the abstract namespace. False when the path is empty or too long.
  static bool parse_path(const std::string& path, SocketAddress* out);
  // What a socket is bound to (getsockname(2)).
  static Status of(int socket, SocketAddress* out);

  int family() const { return any_.any.sa_family; }
  const sockaddr* get() const { return &any_.any; }
  socklen_t size() const { return size_; }
  // For calls that fill it in.
  sockaddr* fill(socklen_t* size);
  void filled(socklen_t size) { size_ = size; }

  // Numeric; an IPv4 address that IPv6 maps is said as IPv4. "unix:" of a path, as its peers have no name.
  std::string host() const;
  uint16_t port() const;     // 0 of a path
  std::string path() const;  // "@name" in the abstract namespace; empty of all others
  // "127.0.0.1 port 80", "unix:/run/x.sock"
  std::string text() const;
  bool operator==(const SocketAddress& other) const;

 private:
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
  } any_{.local = {}};
  socklen_t size_ = 0;
};

}  // namespace sealgate
