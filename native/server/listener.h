// Listener: a listening socket that a reactor has borrowed, and how connections from it are served.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "server/address_prefix.h"
#include "server/listening_sockets.h"

namespace sealgate {

struct ListenerOptions {
  std::vector<SharedSocket> sockets;  // that the reactor accepts from
  bool others_accept = false;         // from the same sockets
  bool tls = true;
  bool http2 = true;  // by ALPN, and in the clear by prior knowledge (RFC 9113 3.3)
  // Each connection begins with a PROXY header (proxy_header.h), and none of another network is served.
  bool proxied = false;
  std::vector<AddressPrefix> proxies;
};

class Listener {
 public:
  // @param number of the listener in the configuration.
  Listener(SharedSocket socket, const ListenerOptions& options, size_t number)
      : socket_(std::move(socket)),
        number_(number),
        others_accept_(options.others_accept),
        tls_(options.tls),
        http2_(options.http2),
        proxied_(options.proxied),
        proxies_(options.proxies) {}

  int fd() const { return socket_ ? socket_->fd.get() : -1; }
  const SocketAddress& address() const { return socket_->address; }
  size_t number() const { return number_; }
  bool others_accept() const { return others_accept_; }
  bool tls() const { return tls_; }
  bool http2() const { return http2_; }
  bool proxied() const { return proxied_; }
  const std::vector<AddressPrefix>& proxies() const { return proxies_; }

  // The reactor accepts no more.
  void release() { socket_.reset(); }

  // Accepts a connection, non-blocking. An empty Fd: there is none (EAGAIN), or *error says what failed.
  Fd accept(std::string* peer, int* error) const;

 private:
  SharedSocket socket_;
  size_t number_;
  bool others_accept_;
  bool tls_;
  bool http2_;
  bool proxied_;
  std::vector<AddressPrefix> proxies_;
};

}  // namespace sealgate
