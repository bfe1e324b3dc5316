#include "server/address_prefix.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace sealgate {
namespace {

constexpr unsigned kMappedBits = 96;  // length of the prefix in front of an IPv4 address

}  // namespace

in6_addr mapped_address(const in_addr& v4) {
  constexpr uint8_t kMapped[kMappedBits / 8] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  in6_addr out{};
  std::memcpy(out.s6_addr, kMapped, sizeof kMapped);
  std::memcpy(out.s6_addr + sizeof kMapped, &v4, sizeof v4);
  return out;
}

std::string address_text(const in6_addr& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&address))
    ::inet_ntop(AF_INET, address.s6_addr + kMappedBits / 8, text, sizeof text);
  else
    ::inet_ntop(AF_INET6, &address, text, sizeof text);
  return text;
}

bool parse_address(std::string_view text, in6_addr* out, bool* is_v4) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof copy || text.find('\0') != text.npos) return false;
  copy[text.copy(copy, sizeof copy - 1)] = '\0';
  in_addr v4{};
  *is_v4 = ::inet_pton(AF_INET, copy, &v4) == 1;
  if (!*is_v4) return ::inet_pton(AF_INET6, copy, out) == 1;
  *out = mapped_address(v4);
  return true;
}

bool AddressPrefix::parse(std::string_view text, AddressPrefix* out) {
  const size_t slash = text.find('/');
  bool is_v4 = false;
  if (!parse_address(text.substr(0, slash), &out->address, &is_v4)) return false;
  const unsigned most = is_v4 ? 32 : 128;
  out->bits = most;
  if (slash != text.npos) {
    if (!read_number(text.substr(slash + 1), &out->bits) || out->bits > most) return false;
  }
  if (is_v4) out->bits += kMappedBits;
  return true;
}

bool AddressPrefix::parse_peers(std::string_view text, AddressPrefix* out) {
  *out = {};
  out->unix_peers = text == kUnixPeer;
  return out->unix_peers || parse(text, out);
}

bool AddressPrefix::holds(const in6_addr& other) const {
  const size_t whole = bits / 8;
  if (std::memcmp(address.s6_addr, other.s6_addr, whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((address.s6_addr[whole] ^ other.s6_addr[whole]) >> (8 - rest)) == 0;
}

bool network_holds(const AddressPrefix& network, const in6_addr& address) {
  const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&address);
  return !network.unix_peers && (network.bits >= kMappedBits || !is_v4) && network.holds(address);
}

bool any_network_holds(const std::vector<AddressPrefix>& networks, const in6_addr& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const AddressPrefix& each) { return network_holds(each, address); });
}

bool any_network_holds(const std::vector<AddressPrefix>& networks, std::string_view text) {
  in6_addr address{};
  bool is_v4 = false;
  if (text == kUnixPeer)
    return std::any_of(networks.begin(), networks.end(), [](const auto& each) { return each.unix_peers; });
  return !networks.empty() && parse_address(text, &address, &is_v4) && any_network_holds(networks, address);
}

}  // namespace sealgate
