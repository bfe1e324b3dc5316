// TestClient: a client of a reactor under test, on a socket of its own, that sends what it is given.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "test/readable.h"

namespace sealgate {

class TestClient {
 public:
  explicit TestClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  }
  void send(std::string_view bytes) { (void)!::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  // Receives so many bytes, or what came before the connection ended or ten seconds were over.
  std::string receive(size_t size, int patience = kPatience) {
    std::string received(size, '\0');
    size_t have = 0;
    while (have < size && readable(fd_.get(), patience)) {
      const ssize_t n = ::recv(fd_.get(), received.data() + have, size - have, 0);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    received.resize(have);
    return received;
  }
  std::string receive_all() { return receive(size_t{1} << 24); }
  // The next thing the kernel says to the peer is that the connection is no more.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_ = Fd();
  }

 private:
  Fd fd_;
};

inline size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) found++;
  return found;
}

}  // namespace sealgate
