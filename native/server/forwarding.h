// Forwarding: whose word counts about the client of a request that came by way of proxies, and what they say
// of it: in Forwarded (RFC 7239) or in X-Forwarded-For, never in both, since a proxy that writes one passes
// on whatever its client wrote into the other.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "server/address_prefix.h"

namespace sealgate {

struct Forwarding {
  std::vector<AddressPrefix> proxies;
  bool standard = false;  // the field is Forwarded

  bool trusts_anybody() const { return !proxies.empty(); }
  // The numeric address of the client, for a request from the connection of `peer`: the last that a trusted
  // proxy names and that is no trusted proxy itself. What is written before it is the client's word, and is
  // not read. `peer` itself where it is not trusted, names nobody, or names what cannot be read.
  // @param head as Request::head.
  std::string client_of(std::string_view peer, std::string_view head) const;
};

// More proxies in a row are taken for a loop, and name nobody; longer elements of the field neither.
inline constexpr size_t kMaxForwardingHops = 32;
inline constexpr size_t kMaxForwardingElement = 512;

}  // namespace sealgate
