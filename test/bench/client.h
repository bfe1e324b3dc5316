// Connection: one HTTP/1.1 keep-alive connection of a benchmark's client, plain or TLS 1.3. It reads the
// first answer in full; from later ones, which have to be as long, it takes the length only. Any fault ends
// the process with a message: a benchmark has nothing to recover.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace bench {

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}
[[noreturn]] inline void fail_with(const char* what) {
  std::fprintf(stderr, "load: %s\n", what);
  std::exit(1);
}

// Seconds, CLOCK_MONOTONIC.
inline double now() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

inline int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

inline SSL_CTX* client_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
    if (SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256") != 1) fail_with("no AES-128-GCM");
    return made;
  }();
  return context;
}

// Counts the plaintext in a stream of TLS 1.3 records by their headers (RFC 8446 5.1).
class Records {
 public:
  // The plaintext of the records that these bytes end.
  size_t pass(const uint8_t* bytes, size_t size) {
    size_t plaintext = 0;
    while (size > 0) {
      if (header_size_ < sizeof header_) {
        header_[header_size_++] = *bytes++;
        size--;
        if (header_size_ == sizeof header_) left_ = static_cast<size_t>(header_[3]) << 8 | header_[4];
        continue;
      }
      const size_t step = std::min(left_, size);
      bytes += step;
      size -= step;
      left_ -= step;
      if (left_ > 0) break;
      plaintext += (static_cast<size_t>(header_[3]) << 8 | header_[4]) - kOverhead;
      header_size_ = 0;
    }
    return plaintext;
  }

 private:
  static constexpr size_t kOverhead = 17;  // the inner content type and the tag
  uint8_t header_[5];
  size_t header_size_ = 0, left_ = 0;
};

class Connection {
 public:
  Connection(int port, bool tls) : fd_(connect_to(port)) {
    if (!tls) return;
    ssl_ = SSL_new(client_context());
    SSL_set_fd(ssl_, fd_);
    if (SSL_connect(ssl_) != 1) fail_with("the handshake failed");
  }
  Connection(Connection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        ssl_(std::exchange(other.ssl_, nullptr)),
        records_(other.records_),
        whole_(other.whole_),
        got_(other.got_) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    SSL_free(ssl_);
    if (fd_ >= 0) ::close(fd_);
  }

  int fd() const { return fd_; }
  void do_not_block() { ::fcntl(fd_, F_SETFL, O_NONBLOCK); }

  // Blocks. Learns how long an answer is.
  void first_answer(const std::string& request) {
    send(request);
    std::string start;
    char buffer[16384];
    while (start.find("\r\n\r\n") == start.npos) {
      const ssize_t n = ssl_ ? SSL_read(ssl_, buffer, sizeof buffer) : ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) fail_with("the first answer ended early");
      start.append(buffer, static_cast<size_t>(n));
    }
    if (start.rfind("HTTP/1.1 200 ", 0) != 0) fail_with(start.substr(0, start.find("\r\n")).c_str());
    whole_ = start.find("\r\n\r\n") + 4 + content_length(start);
    got_ = start.size();
    while (got_ < whole_ && !receive()) {
    }
    got_ = 0;
  }

  void send(const std::string& request) {
    const int size = static_cast<int>(request.size());
    const ssize_t sent = ssl_ ? SSL_write(ssl_, request.data(), size)
                              : ::send(fd_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != size) fail_with("a request could not be sent at once");
  }

  // Takes what has come. True when the answer under way is complete.
  bool receive() {
    static uint8_t buffer[256 * 1024];
    for (;;) {
      // Without TLS nothing is looked at: the kernel may drop the bytes where they are (tcp(7), MSG_TRUNC).
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, ssl_ ? 0 : MSG_TRUNC);
      if (n < 0 && errno == EAGAIN) return false;
      if (n < 0) fail("recv");
      if (n == 0) fail_with("the server closed the connection");
      const size_t size = static_cast<size_t>(n);
      got_ += ssl_ ? records_.pass(buffer, size) : size;
      if (got_ > whole_) fail_with("an answer is longer than the first one");
      if (got_ == whole_) return got_ = 0, true;
      if (size < sizeof buffer) return false;
    }
  }
  size_t answer_bytes() const { return whole_; }

 private:
  static size_t content_length(const std::string& head) {
    const char* field = ::strcasestr(head.c_str(), "\r\ncontent-length:");
    if (!field) fail_with("an answer without Content-Length");
    return std::strtoull(field + 17, nullptr, 10);
  }

  int fd_;
  SSL* ssl_ = nullptr;
  Records records_;
  size_t whole_ = 0, got_ = 0;
};

}  // namespace bench
