// Channel: what it costs and says between the handshake and the first request, over loopback.
#include "tls/channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <sys/socket.h>

#include <vector>

#include <doctest/doctest.h>
#include "test/tls_pair.h"

namespace sealgate {
namespace {

std::string pem(const auto& write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  write(bio);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<size_t>(size));
  BIO_free(bio);
  return out;
}

std::shared_ptr<const TlsContext> server_context() {
  const auto [key, certificate] = self_signed();
  TlsOptions options;
  options.certificates.push_back(
      {"certificate.pem", pem([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); }),
       pem([&](BIO* bio) {
         PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
       }),
       ""});
  options.min_version = "TLSv1.2";
  std::string failure;
  std::shared_ptr<const TlsContext> made = TlsContext::create(options, &failure);
  if (!made) std::abort();
  return made;
}

// Two ends of a connection over loopback; the first does not block.
std::array<Fd, 2> connection() {
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
  return {std::move(server), std::move(client)};
}

struct Server {
  std::shared_ptr<const TlsContext> context = server_context();
  RecordBuffers buffers;
  TlsCounters counters;
  OpenSslPtr<SSL_CTX> clients{SSL_CTX_new(TLS_client_method())};

  struct Ends {
    std::unique_ptr<Channel> channel;
    Fd client;
    OpenSslPtr<SSL> ssl;
  };

  // After a handshake of that version; a null channel when it failed.
  Ends accept(int version) {
    auto [server, client] = connection();
    Ends ends{std::make_unique<Channel>(std::move(server), context, uint64_t{1} << 24, buffers, counters),
              std::move(client), OpenSslPtr<SSL>(SSL_new(clients.get()))};
    SSL_set_fd(ends.ssl.get(), ends.client.get());
    SSL_set_min_proto_version(ends.ssl.get(), version);
    SSL_set_max_proto_version(ends.ssl.get(), version);
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

#ifndef __SANITIZE_ADDRESS__  // which has an allocator of its own
TEST_CASE("a connection that asks for nothing takes less than 3 KiB, session tickets included") {
  constexpr size_t kConnections = 50;
  Server server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    INFO(std::string(version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2"));
    std::vector<std::unique_ptr<Channel>> channels;
    std::vector<Fd> clients;
    size_t before = 0;
    for (size_t i = 0; i <= kConnections; i++) {
      Server::Ends ends = server.accept(version);
      REQUIRE(ends.channel != nullptr);
      channels.push_back(std::move(ends.channel));
      clients.push_back(std::move(ends.client));
      ends.ssl.reset();
      if (i == 0) before = ::mallinfo2().uordblks;  // the first pays for what all share
    }
    const size_t taken = ::mallinfo2().uordblks - before;
    CHECK(taken >= kConnections * sizeof(Channel));
    CHECK(taken < kConnections * 3072);
  }
}
#endif

TEST_CASE(
    "after a handshake with an AEAD suite, records and bytes are counted for the engine, not for OpenSSL") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Server server;
    const Server::Ends ends = server.accept(version);
    REQUIRE(ends.channel != nullptr);
    CHECK(ends.channel->owner(Direction::tx) == RecordOwner::engine);
    CHECK(ends.channel->owner(Direction::rx) == RecordOwner::engine);
    CHECK(ends.channel->write("hello", 5, false).state == IoState::ok);
    std::string counted;
    const auto visit = [&](const std::string& name, uint64_t value) {
      counted += name + '=' + std::to_string(value) + '\n';
    };
    server.counters.traffic.each(visit);
    const std::string suite = ends.channel->suite().name();
    CHECK_EQ(counted, "tls_connections." + suite + "/tx/engine=1\ntls_bytes." + suite + "/tx/engine=5\n" +
                          "tls_connections." + suite + "/rx/engine=1\ntls_bytes." + suite + "/rx/engine=0\n");
  }
}

// Without this acknowledgement a client with Nagle's algorithm would hold its first request back for the 40
// ms of a delayed acknowledgement.
TEST_CASE("the end of a handshake of TLS 1.3 is acknowledged at once") {
  Server server;
  Server::Ends ends = server.accept(TLS1_3_VERSION);
  REQUIRE(ends.channel != nullptr);
  int quick = 0;
  socklen_t size = sizeof quick;
  REQUIRE(::getsockopt(ends.channel->fd(), IPPROTO_TCP, TCP_QUICKACK, &quick, &size) == 0);
  CHECK_EQ(quick, 1);
}

}  // namespace
}  // namespace sealgate
