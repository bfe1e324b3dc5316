#include "server/listener.h"

#include <netinet/tcp.h>

#include <cerrno>

namespace sealgate {

Fd Listener::accept(std::string* peer, int* error) const {
  SocketAddress address;
  socklen_t size;
  sockaddr* const where = address.fill(&size);
  Fd fd(::accept4(this->fd(), where, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd) {
    *error = errno;
    return fd;
  }
  address.filled(size);
  *peer = address.host();
  // Responses are written whole or with MSG_MORE, so Nagle's algorithm could only delay the last segment.
  const int one = 1;
  if (address.family() != AF_UNIX) ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

}  // namespace sealgate
