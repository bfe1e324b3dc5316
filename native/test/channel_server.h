// ChannelServer: Channels that clients of OpenSSL reach over loopback.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "test/tls_pair.h"
#include "tls/channel.h"

namespace sealgate {

inline std::string pem(const auto& write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  write(bio);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

inline std::shared_ptr<const TlsContext> server_context(TlsOptions options = {}) {
  SelfSigned made = self_signed();
  options.certificates.push_back({"certificate.pem",
                                  pem([&](BIO* bio) { PEM_write_bio_X509(bio, made.certificate.get()); }),
                                  std::move(made.key), ""});
  options.min_version = "TLSv1.2";
  std::string failure;
  std::shared_ptr<const TlsContext> context = TlsContext::create(options, &failure);
  if (!context) std::abort();
  return context;
}

// Two ends of a connection over loopback; the first does not block.
inline std::array<Fd, 2> connection() {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), name, &size) != 0)
    std::abort();
  Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(client.get(), name, size) != 0) std::abort();
  Fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  ::fcntl(client.get(), F_SETFL, O_NONBLOCK);
  const int on = 1;  // like the server's own sockets
  if (::setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) std::abort();
  return {std::move(server), std::move(client)};
}

class ChannelServer {
 public:
  explicit ChannelServer(TlsOptions options = {}) : context(server_context(std::move(options))) {}

  std::shared_ptr<const TlsContext> context;
  RecordBuffers buffers;
  TlsCounters counters;
  OpenSslPtr<SSL_CTX> clients{SSL_CTX_new(TLS_client_method())};

  struct Ends {
    std::unique_ptr<Channel> channel;
    Fd client;
    OpenSslPtr<SSL> ssl;
  };

  // After a handshake of that version, which may resume a session; a null channel when it failed.
  Ends accept(int version, SSL_SESSION* session = nullptr) {
    auto [server, client] = connection();
    Ends ends{std::make_unique<Channel>(std::move(server), context, uint64_t{1} << 24, buffers, counters),
              std::move(client), OpenSslPtr<SSL>(SSL_new(clients.get()))};
    SSL_set_fd(ends.ssl.get(), ends.client.get());
    SSL_set_min_proto_version(ends.ssl.get(), version);
    SSL_set_max_proto_version(ends.ssl.get(), version);
    if (session) SSL_set_session(ends.ssl.get(), session);
    IoState state = IoState::again;
    for (int turn = 0; turn < 1000 && state == IoState::again; turn++) {
      SSL_connect(ends.ssl.get());
      ends.channel->readable(false);
      state = ends.channel->handshake();
    }
    if (state != IoState::ok) ends.channel.reset();
    return ends;
  }
};

}  // namespace sealgate
