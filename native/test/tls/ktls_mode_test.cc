// Who has the keys of a socket, as the kernel says. In a kernel with TLS it is the processor; where nothing
// was installed it says so.
#include "tls/ktls_mode.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <cstdio>

#include <doctest/doctest.h>
#include "base/fd.h"

namespace sealgate {
namespace {

struct Pair {
  Fd one, other;
};

Pair connected() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  Pair pair{Fd(::socket(AF_INET, SOCK_STREAM, 0)), Fd()};
  CHECK(::bind(listener.get(), any, size) == 0);
  CHECK(::listen(listener.get(), 1) == 0);
  CHECK(::getsockname(listener.get(), any, &size) == 0);
  CHECK(::connect(pair.one.get(), any, size) == 0);
  pair.other = Fd(::accept(listener.get(), nullptr, nullptr));
  return pair;
}

TEST_CASE("a socket without TLS: ENOENT") {
  const Pair pair = connected();
  KtlsModes modes;
  CHECK_EQ(ktls_modes(pair.one.get(), &modes).error, ENOENT);
}

TEST_CASE("a socket that is not connected is an error") {
  const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  KtlsModes modes;
  CHECK_EQ(ktls_modes(socket.get(), &modes).error, ENOTCONN);
}

TEST_CASE("keys of one direction are with the processor, the other has none") {
  const Pair pair = connected();
  if (!attach_ulp(pair.one.get()).ok()) {
    std::puts("skipped: keys of one direction are with the processor: this kernel has no TLS");
    return;
  }
  const RecordKeys keys;
  REQUIRE(install_keys(pair.one.get(), Direction::tx, keys, 0).ok());
  KtlsModes modes;
  REQUIRE(ktls_modes(pair.one.get(), &modes).ok());
  CHECK(modes[Direction::tx] == KtlsMode::software);
  CHECK(modes[Direction::rx] == KtlsMode::none);
  CHECK(!modes.zero_copy);
  REQUIRE(install_keys(pair.one.get(), Direction::rx, keys, 0).ok());
  REQUIRE(ktls_modes(pair.one.get(), &modes).ok());
  CHECK(modes[Direction::rx] == KtlsMode::software);
}

}  // namespace
}  // namespace sealgate
