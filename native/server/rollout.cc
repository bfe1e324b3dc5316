#include "server/rollout.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace sealgate {
namespace {

// Wildcards match as in certificates (RFC 9525 6.3): the wildcard stands for the whole first label.
bool name_matches(std::string_view pattern, std::string_view name) {
  pattern = without_root(pattern);
  if (!pattern.starts_with("*.")) return same(name, pattern);
  const size_t dot = name.find('.');
  return dot != name.npos && dot > 0 && same(name.substr(dot), pattern.substr(1));
}

template <typename List>
bool lists(const List& list, size_t value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

std::string_view group_name(Group group) {
  switch (group) {
    case Group::outside: return "outside";
    case Group::control: return "control";
    case Group::canary: return "canary";
    case Group::sentinel: return "sentinel";
    case Group::count_: break;
  }
  return "";
}

Rollout::Assignment Rollout::assign(const Client& client, uint64_t serial) const {
  if (!client.server_name.empty()) {
    if (client.server_name == sentinel_canary) return {Group::sentinel, true};
    if (client.server_name == sentinel_control) return {Group::sentinel, false};
  }
  if (!in_slice(client)) return {Group::outside, false};
  const bool canary_part = canary == kWhole || part_of(client, serial) < canary;
  return {canary_part ? Group::canary : Group::control, canary_part};
}

bool Rollout::in_slice(const Client& client) const {
  if (client.version && !protocols[static_cast<size_t>(*client.version)]) return false;
  if (client.aead && !ciphers[static_cast<size_t>(*client.aead)]) return false;
  if (!lists(listeners, client.listener)) return false;
  if (!server_names.empty() &&
      std::none_of(server_names.begin(), server_names.end(),
                   [&](const std::string& each) { return name_matches(each, client.server_name); })) {
    return false;
  }
  if (clients.empty()) return true;
  in6_addr address{};
  bool is_v4 = false;
  if (!parse_address(client.peer, &address, &is_v4)) return false;
  return std::any_of(clients.begin(), clients.end(),
                     [&](const AddressPrefix& each) { return each.holds(address); });
}

// The division is stable: when the share grows, all parts in it stay in it. Only the network of an IPv6
// address is used, because a host changes the rest at will (RFC 8981).
uint32_t Rollout::part_of(const Client& client, uint64_t serial) const {
  struct {
    std::array<uint8_t, 16> salt;
    in6_addr address{};
    uint64_t serial = 0;
  } input{salt};
  bool is_v4 = false;
  if (!sticky || !parse_address(client.peer, &input.address, &is_v4)) {
    input.serial = serial;
  } else if (!is_v4) {
    std::memset(input.address.s6_addr + 8, 0, 8);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(&input, sizeof input, digest, nullptr, EVP_sha256(), nullptr) != 1) return kWhole;
  uint64_t drawn;
  std::memcpy(&drawn, digest, sizeof drawn);
  return static_cast<uint32_t>(drawn % kWhole);
}

}  // namespace sealgate
