// Who is one client, and when those who hold many hold too much.
#include "server/shares.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

TEST_CASE("an IPv4 address is a client, also when it comes by IPv6") {
  CHECK(client_at("192.0.2.1") != client_at("192.0.2.2"));
  CHECK_EQ(client_at("::ffff:192.0.2.1"), client_at("192.0.2.1"));
}

TEST_CASE("an IPv6 network of 64 bits is a client") {
  CHECK_EQ(client_at("2001:db8::1"), client_at("2001:db8:0:0:ffff::2"));
  CHECK(client_at("2001:db8::1") != client_at("2001:db8:0:1::1"));
}

TEST_CASE("a client with an eighth of the places or less holds few") {
  Shares shares(64);
  for (int i = 0; i < 8; i++) shares.take(1);
  CHECK(shares.holds_few(1));
  shares.take(1);
  CHECK(!shares.holds_few(1));
  shares.leave(1);
  CHECK(shares.holds_few(1));
}

TEST_CASE("crowded: clients that hold many hold more than three quarters together") {
  Shares shares(64);
  for (int i = 0; i < 24; i++) shares.take(1), shares.take(2);
  CHECK(!shares.crowded());
  shares.take(1);
  CHECK(shares.crowded());
  shares.leave(2);
  CHECK(!shares.crowded());
}

TEST_CASE("many clients that hold few each are not crowded") {
  Shares shares(64);
  for (size_t client = 0; client < 64; client++) shares.take(client);
  CHECK(!shares.crowded());
  for (size_t client = 0; client < 64; client++) shares.leave(client);
  CHECK_EQ(shares.held(0), 0);
}

TEST_CASE("several taken at once count like one after another") {
  Shares shares(64);
  shares.take(1, 40);
  CHECK(!shares.crowded());
  shares.take(2, 9);
  CHECK(shares.crowded());
  shares.leave(1, 39);
  CHECK(!shares.crowded());
  CHECK_EQ(shares.held(1), 1);
  shares.leave(1, 1);
  CHECK_EQ(shares.held(1), 0);
}

TEST_CASE("a client that held many and left its places holds none") {
  Shares shares(8);
  for (int i = 0; i < 8; i++) shares.take(1);
  CHECK(shares.crowded());
  for (int i = 0; i < 8; i++) shares.leave(1);
  CHECK(!shares.crowded());
  CHECK_EQ(shares.held(1), 0);
}

}  // namespace
}  // namespace sealgate
