// Listener: one listening socket of one reactor. All reactors bind the same address with SO_REUSEPORT, and
// the kernel spreads connections over them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

struct ListenerOptions {
  std::string host;  // numeric IPv4 or IPv6
  uint16_t port = 0;
  bool tls = true;
  bool http2 = true;     // by ALPN, and in the clear by prior knowledge (RFC 9113 3.3)
  bool v6_only = false;  // for [::]: another listener of the port takes IPv4
};

class Listener {
 public:
  // shared: another reactor of this process is bound to the address. When that is false, an address on
  // which any other socket listens is refused (EADDRINUSE): with SO_REUSEPORT alone both would silently
  // share its connections.
  static Status bind(const ListenerOptions& options, bool shared, Listener* out);

  // Whether another listener of the same port takes IPv4, which [::] would take otherwise.
  static bool leaves_v4(const ListenerOptions& listener, const std::vector<ListenerOptions>& all);

  int fd() const { return socket_.get(); }
  const std::string& host() const { return host_; }
  uint16_t port() const { return port_; }
  bool tls() const { return tls_; }
  bool http2() const { return http2_; }

  // Accepts a connection, non-blocking. An empty Fd: there is none (EAGAIN), or *error says what failed.
  Fd accept(std::string* peer, int* error) const;
  void close() { socket_.reset(); }

 private:
  Fd socket_;
  std::string host_;
  uint16_t port_ = 0;
  bool tls_ = true;
  bool http2_ = true;
};

}  // namespace sealgate
