// Who may use kernel TLS: slices by what is known of a client, and a division that keeps clients where they
// are.
#include "server/rollout.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

AddressPrefix prefix(std::string_view text) {
  AddressPrefix out;
  CHECK(AddressPrefix::parse(text, &out));
  return out;
}

Client client(std::string_view peer, std::string_view name = {}) {
  return {peer, name, 0, TlsVersion::tls13, Aead::aes128_gcm};
}

Rollout whole() {
  Rollout rollout;
  rollout.canary = Rollout::kWhole;
  return rollout;
}

Group group_of(const Rollout& rollout, const Client& who, uint64_t serial = 0) {
  return rollout.assign(who, serial).group;
}

std::string address(unsigned host) {
  return "10.0." + std::to_string(host / 256) + "." + std::to_string(host % 256);
}

TEST_CASE("prefixes hold the addresses under them and no others") {
  const auto holds = [](std::string_view text, std::string_view other) {
    return prefix(text).holds(prefix(other).address);
  };
  CHECK(holds("192.0.2.0/24", "192.0.2.255"));
  CHECK(!holds("192.0.2.0/24", "192.0.3.0"));
  CHECK(holds("192.0.2.128/25", "192.0.2.200"));
  CHECK(!holds("192.0.2.128/25", "192.0.2.100"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
  CHECK(holds("192.0.2.1", "192.0.2.1"));
  CHECK(!holds("192.0.2.1", "192.0.2.2"));
  CHECK(holds("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK(!holds("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(holds("::ffff:192.0.2.0/120", "192.0.2.7"));
  CHECK(!holds("2001:db8::/32", "192.0.2.7"));
}

TEST_CASE("a text that is no address prefix is refused") {
  for (const char* text :
       {"", "192.0.2.0/33", "192.0.2/24", "192.0.2.0/", "192.0.2.0/2x", "2001:db8::/129", "example.org",
        "192.0.2.0/-1", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    INFO(std::string(text));
    AddressPrefix out;
    CHECK(!AddressPrefix::parse(text, &out));
  }
}

TEST_CASE("before a rollout is set nothing moves") {
  const Rollout rollout;
  CHECK(!rollout.allows(Direction::tx));
  CHECK(!rollout.allows(Direction::rx));
  CHECK(!rollout.assign(client("192.0.2.1"), 0).may_move);
}

TEST_CASE("with a canary of 100 % every connection of the slice is in it") {
  const Rollout rollout = whole();
  CHECK(group_of(rollout, client("192.0.2.1")) == Group::canary);
  CHECK(rollout.assign(client("192.0.2.1"), 0).may_move);
}

TEST_CASE("a share of clients is the canary, always the same ones") {
  Rollout rollout;
  rollout.canary = 2500;
  unsigned canaries = 0;
  for (unsigned host = 0; host < 4000; host++) {
    const std::string peer = address(host);
    const Group group = group_of(rollout, client(peer), host);
    CHECK(group == group_of(rollout, client(peer), host + 1));
    CHECK_EQ(rollout.assign(client(peer), 0).may_move, group == Group::canary);
    canaries += group == Group::canary;
  }
  CHECK(canaries > 850);
  CHECK(canaries < 1150);
}

TEST_CASE("a growing share keeps the clients it had") {
  Rollout small, large;
  small.canary = 1000;
  large.canary = 3000;
  unsigned newcomers = 0;
  for (unsigned host = 0; host < 2000; host++) {
    const std::string peer = address(host);
    const Group before = group_of(small, client(peer)), after = group_of(large, client(peer));
    if (before == Group::canary) CHECK(after == Group::canary);
    newcomers += before == Group::control && after == Group::canary;
  }
  CHECK(newcomers > 250);
}

TEST_CASE("another salt gives another division") {
  Rollout one, other;
  one.canary = other.canary = 5000;
  other.salt[0] = 1;
  unsigned moved = 0;
  for (unsigned host = 0; host < 1000; host++) {
    const std::string peer = address(host);
    moved += group_of(one, client(peer)) != group_of(other, client(peer));
  }
  CHECK(moved > 300);
  CHECK(moved < 700);
}

TEST_CASE("an IPv6 client keeps its place when its host part changes") {
  Rollout rollout;
  rollout.canary = 5000;
  for (unsigned network = 0; network < 50; network++) {
    const std::string net = "2001:db8:0:" + std::to_string(network) + ":";
    CHECK(group_of(rollout, client(net + ":1")) == group_of(rollout, client(net + "abcd:0:0:9")));
  }
}

TEST_CASE("without stickiness each connection is assigned anew") {
  Rollout rollout;
  rollout.canary = 5000;
  rollout.sticky = false;
  unsigned canaries = 0;
  for (uint64_t serial = 0; serial < 1000; serial++) {
    canaries += group_of(rollout, client("192.0.2.1"), serial) == Group::canary;
  }
  CHECK(canaries > 400);
  CHECK(canaries < 600);
}

TEST_CASE("a connection that is not in the slice is outside and stays in userspace") {
  const auto outside = [](const Rollout& rollout, const Client& who) {
    const Rollout::Assignment assigned = rollout.assign(who, 0);
    return assigned.group == Group::outside && !assigned.may_move;
  };
  Rollout by_address;
  by_address.clients = {prefix("192.0.2.0/24")};
  CHECK(!outside(by_address, client("192.0.2.9")));
  CHECK(outside(by_address, client("203.0.113.9")));
  Rollout by_name;
  by_name.server_names = {"cdn.example.org", "*.video.example.org", "dotted.example.org."};
  CHECK(!outside(by_name, client("192.0.2.1", "dotted.example.org")));
  CHECK(!outside(by_name, client("192.0.2.1", "CDN.example.org")));
  CHECK(!outside(by_name, client("192.0.2.1", "a.video.example.org")));
  CHECK(outside(by_name, client("192.0.2.1", "a.b.video.example.org")));
  CHECK(outside(by_name, client("192.0.2.1", ".video.example.org")));
  CHECK(outside(by_name, client("192.0.2.1")));
  Rollout by_listener;
  by_listener.listeners = {1, 3};
  CHECK(outside(by_listener, client("192.0.2.1")));
  CHECK(!outside(by_listener, {"192.0.2.1", {}, 3, TlsVersion::tls13, Aead::aes128_gcm}));
  Rollout by_suite;
  by_suite.protocols = {false, true};
  by_suite.ciphers = {true, false, true, true};
  CHECK(!outside(by_suite, client("192.0.2.1")));
  CHECK(outside(by_suite, {"192.0.2.1", {}, 0, TlsVersion::tls12, Aead::aes128_gcm}));
  CHECK(outside(by_suite, {"192.0.2.1", {}, 0, TlsVersion::tls13, Aead::aes256_gcm}));
}

TEST_CASE("the server's own fetches are in no group that is compared") {
  Rollout rollout;
  rollout.canary = 0;
  rollout.sentinel_canary = "one.invalid";
  rollout.sentinel_control = "two.invalid";
  const Rollout::Assignment moving = rollout.assign(client("127.0.0.1", "one.invalid"), 0);
  CHECK(moving.group == Group::sentinel);
  CHECK(moving.may_move);
  const Rollout::Assignment staying = rollout.assign(client("127.0.0.1", "two.invalid"), 0);
  CHECK(staying.group == Group::sentinel);
  CHECK(!staying.may_move);
  CHECK(group_of(rollout, client("127.0.0.1")) == Group::control);
}

TEST_CASE("each phase allows what the phase before it allows, and more") {
  const auto allowed = [](Phase phase) {
    Rollout rollout;
    rollout.phase = phase;
    return int{rollout.allows(Direction::tx)} + int{rollout.allows(Direction::rx)};
  };
  CHECK_EQ(allowed(Phase::instrument), 0);
  CHECK_EQ(allowed(Phase::tx_canary), 1);
  CHECK_EQ(allowed(Phase::rx), 2);
  CHECK_EQ(allowed(Phase::hw_offload), 2);
}

}  // namespace
}  // namespace sealgate
