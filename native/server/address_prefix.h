// AddressPrefix: IP addresses and networks, with IPv4 as ::ffff:0:0/96 (RFC 4291 2.5.5.2).
#pragma once

#include <netinet/in.h>

#include <string>
#include <string_view>
#include <vector>

namespace sealgate {

// Reads a numeric address.
bool parse_address(std::string_view text, in6_addr* out, bool* is_v4);
in6_addr mapped_address(const in_addr& v4);
// As it is written: an IPv4 address in its own form.
std::string address_text(const in6_addr& address);

// What stands for the address of all who connect to a unix socket, since they have none.
inline constexpr std::string_view kUnixPeer = "unix:";

// The address and the number of its leading bits that count.
struct AddressPrefix {
  in6_addr address{};
  unsigned bits = 0;
  bool unix_peers = false;  // it holds kUnixPeer, and no address

  // "192.0.2.0/24", "2001:db8::/32", or an address alone.
  static bool parse(std::string_view text, AddressPrefix* out);
  // What parse() reads, or kUnixPeer.
  static bool parse_peers(std::string_view text, AddressPrefix* out);
  bool holds(const in6_addr& address) const;
};

// Whether a network holds an address. One of IPv6 holds no IPv4 address, in whatever form that is written.
bool network_holds(const AddressPrefix& network, const in6_addr& address);
// Whether any of them holds the address.
bool any_network_holds(const std::vector<AddressPrefix>& networks, const in6_addr& address);
// @param peer numeric address, or kUnixPeer.
bool any_network_holds(const std::vector<AddressPrefix>& networks, std::string_view peer);

}  // namespace sealgate
