// Whose a request is that came by way of proxies: the last address that a trusted one names.
#include "server/forwarding.h"

#include <doctest/doctest.h>

#include <string>

namespace sealgate {
namespace {

Forwarding trusting(bool standard) {
  Forwarding out;
  out.standard = standard;
  for (const char* text : {"127.0.0.1", "10.0.0.0/8", "2001:db8:1::/48"}) {
    AddressPrefix network;
    CHECK(AddressPrefix::parse(text, &network));
    out.proxies.push_back(network);
  }
  return out;
}

std::string by_list(const std::string& value, const std::string& peer = "127.0.0.1") {
  return trusting(false).client_of(peer,
                                   "Host: a\r\nX-Forwarded-For: " + value + "\r\nForwarded: for=9.9.9.9");
}

std::string by_standard(const std::string& value, const std::string& peer = "127.0.0.1") {
  return trusting(true).client_of(peer, "Host: a\r\nforwarded:" + value + "\r\nX-Forwarded-For: 9.9.9.9");
}

TEST_CASE("X-Forwarded-For: the last address that is no trusted proxy, in each form") {
  const struct {
    const char *value, *client;
  } each[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"192.0.2.1:4711", "192.0.2.1"},
      {"2001:db8::9", "2001:db8::9"},
      {"[2001:DB8::9]", "2001:db8::9"},
      {"[2001:db8::9]:65535", "2001:db8::9"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"198.51.100.1, 192.0.2.1", "192.0.2.1"},
      {"198.51.100.1,192.0.2.1,10.1.2.3 ,\t2001:db8:1::2", "192.0.2.1"},
      {"anything \" at; all, 192.0.2.1, 10.0.0.1", "192.0.2.1"},
      {"10.0.0.2, 10.0.0.1", "10.0.0.2"},
      {", 192.0.2.1,, ", "192.0.2.1"},
      {"", "127.0.0.1"},
      {" , ,", "127.0.0.1"},
  };
  for (const auto& [value, client] : each) {
    CAPTURE(value);
    CHECK(by_list(value) == client);
  }
}

TEST_CASE("Forwarded: the same, by the parameter for, whatever is beside it") {
  const struct {
    const char *value, *client;
  } each[] = {
      {"for=192.0.2.1", "192.0.2.1"},
      {"For=\"192.0.2.1:47011\"", "192.0.2.1"},
      {"by=10.0.0.9;FOR=\"[2001:db8:cafe::17]:4711\";proto=https; host=\"a, for=8.8.8.8;for=7.7.7.7\"",
       "2001:db8:cafe::17"},
      {"for=192.0.2.1, for=10.0.0.1;by=10.0.0.2", "192.0.2.1"},
      {"for=\"unbalanced, for=192.0.2.1;proto=http, for=10.0.0.1", "192.0.2.1"},
      {"for=10.0.0.2 , for=10.0.0.1", "10.0.0.2"},
  };
  for (const auto& [value, client] : each) {
    CAPTURE(value);
    CHECK(by_standard(value) == client);
  }
}

TEST_CASE("what a trusted proxy says and cannot be read names nobody") {
  for (const char* value :
       {"unknown", "192.0.2.256", "192.0.2.1:x", "192.0.2.1:123456", "[2001:db8::9", "[2001:db8::9]x",
        "[192.0.2.1]", "192.0.2.1 198.51.100.1", "198.51.100.1, _hidden", "198.51.100.1, nobody, 10.0.0.1"}) {
    CAPTURE(value);
    CHECK(by_list(value) == "127.0.0.1");
  }
  for (const char* value :
       {"192.0.2.1", "for=", "for=_gazonk", "for=unknown", "by=192.0.2.1", "for=192.0.2.1;for=192.0.2.2",
        "for=\"192.0.2.1", "for=192.0.2.1\"", "for=\"192.0.2\\.1\"", "for = 192.0.2.1", "for=\"\""}) {
    CAPTURE(value);
    CHECK(by_standard(value) == "127.0.0.1");
  }
}

TEST_CASE("only who is trusted is believed, and nobody where no network is named") {
  CHECK(by_list("192.0.2.1", "10.200.0.1") == "192.0.2.1");
  CHECK(by_list("192.0.2.1", "::ffff:10.200.0.1") == "192.0.2.1");
  CHECK(by_list("192.0.2.1", "127.0.0.2") == "127.0.0.2");
  CHECK(by_standard("for=192.0.2.1", "2001:db8:2::1") == "2001:db8:2::1");
  CHECK(Forwarding{}.client_of("127.0.0.1", "X-Forwarded-For: 192.0.2.1") == "127.0.0.1");
  CHECK_FALSE(Forwarding{}.trusts_anybody());
}

TEST_CASE("proxies at unix sockets are trusted by a word of their own, also as one of several in a row") {
  Forwarding by_sockets;
  REQUIRE(AddressPrefix::parse_peers("unix:", &by_sockets.proxies.emplace_back()));
  const auto client = [&](std::string_view peer, const std::string& list) {
    return by_sockets.client_of(peer, "X-Forwarded-For: " + list);
  };
  CHECK(client(kUnixPeer, "192.0.2.1") == "192.0.2.1");
  CHECK(client(kUnixPeer, "192.0.2.1, unix:") == "192.0.2.1");
  CHECK(client(kUnixPeer, "198.51.100.1, unix:, 192.0.2.1") == "192.0.2.1");
  CHECK(client(kUnixPeer, "unix:") == kUnixPeer);
  CHECK(client("127.0.0.1", "192.0.2.1") == "127.0.0.1");
  CHECK(trusting(false).client_of(kUnixPeer, "X-Forwarded-For: 192.0.2.1") == kUnixPeer);
  CHECK(trusting(false).client_of("127.0.0.1", "X-Forwarded-For: 192.0.2.1, unix:") == "127.0.0.1");
}

TEST_CASE("several lines are one list, in their order") {
  const std::string lines =
      "x-forwarded-for: 198.51.100.1\r\nHost: a\r\nX-FORWARDED-FOR: 192.0.2.1\r\nX-Forwarded-For: 10.0.0.1";
  CHECK(trusting(false).client_of("127.0.0.1", lines) == "192.0.2.1");
}

TEST_CASE("what is before the client may be as long as it likes; too many or too long proxies name nobody") {
  CHECK(by_list(std::string(20'000, 'x') + ", 192.0.2.1") == "192.0.2.1");
  CHECK(by_list(std::string(20'000, ',') + "192.0.2.1, 10.0.0.1") == "192.0.2.1");
  CHECK(by_list("192.0.2.1" + std::string(20'000, ',')) == "127.0.0.1");
  CHECK(by_list(std::string(kMaxForwardingElement, ' ') + "192.0.2.1") == "192.0.2.1");
  CHECK(by_list("1.1.1.1," + std::string(kMaxForwardingElement, ' ') + "192.0.2.1") == "127.0.0.1");
  std::string proxies;
  for (size_t i = 1; i < kMaxForwardingHops; i++) proxies += ", 10.0.0.1";
  CHECK(by_list("192.0.2.1" + proxies) == "192.0.2.1");
  CHECK(by_list("192.0.2.1" + proxies + ", 10.0.0.1") == "127.0.0.1");
}

}  // namespace
}  // namespace sealgate
