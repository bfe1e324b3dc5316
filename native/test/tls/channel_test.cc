// Channel: what it costs and says between the handshake and the first request, over loopback.
#include "tls/channel.h"

#include <malloc.h>
#include <netinet/tcp.h>

#include <vector>

#include <doctest/doctest.h>
#include "test/channel_server.h"

namespace sealgate {
namespace {

#ifndef __SANITIZE_ADDRESS__  // which has an allocator of its own
TEST_CASE("a connection that asks for nothing takes less than 3 KiB, session tickets included") {
  constexpr size_t kConnections = 50;
  ChannelServer server;
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    INFO(std::string(version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2"));
    std::vector<std::unique_ptr<Channel>> channels;
    std::vector<Fd> clients;
    size_t before = 0;
    for (size_t i = 0; i <= kConnections; i++) {
      ChannelServer::Ends ends = server.accept(version);
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
    ChannelServer server;
    const ChannelServer::Ends ends = server.accept(version);
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
  ChannelServer server;
  ChannelServer::Ends ends = server.accept(TLS1_3_VERSION);
  REQUIRE(ends.channel != nullptr);
  int quick = 0;
  socklen_t size = sizeof quick;
  REQUIRE(::getsockopt(ends.channel->fd(), IPPROTO_TCP, TCP_QUICKACK, &quick, &size) == 0);
  CHECK_EQ(quick, 1);
}

}  // namespace
}  // namespace sealgate
