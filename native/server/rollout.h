// Rollout: which connections may use kernel TLS, and which stay in userspace to compare with. Decided once
// for a connection, after its handshake, from what is known of the client by then.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tls/ktls.h"

namespace sealgate {

enum class Phase : uint8_t {
  instrument,  // nothing moves; the groups are measured alike
  tx_canary,   // the canary's sending may move into the kernel
  rx,          // and its receiving
  hw_offload,  // and what the kernel has may go on into the network device
};

// The group that a connection is counted in.
enum class Group : uint8_t {
  outside,   // of the slice
  control,   // in the slice, kept in userspace
  canary,    // in the slice, may move
  sentinel,  // the server's own fetches
  count_
};

std::string_view group_name(Group group);

struct Client {
  std::string_view peer;         // numeric address
  std::string_view server_name;  // it asked for (RFC 6066 3); empty: none
  size_t listener = 0;
  std::optional<TlsVersion> version;
  std::optional<Aead> aead;
};

// An address and how many of its leading bits count. IPv4 is kept as ::ffff:0:0/96 (RFC 4291 2.5.5.2).
struct AddressPrefix {
  in6_addr address{};
  unsigned bits = 0;

  // "192.0.2.0/24", "2001:db8::/32", or an address alone.
  static bool parse(std::string_view text, AddressPrefix* out);
  bool holds(const in6_addr& address) const;
};

struct Rollout {
  static constexpr uint32_t kWhole = 10'000;  // shares are in hundredths of a percent

  struct Assignment {
    Group group = Group::outside;
    bool may_move = false;
  };

  // Until somebody says how far the rollout has come, nothing moves.
  Phase phase = Phase::instrument;
  uint32_t canary = 0;  // share of the slice
  // A client is always in the same part of the slice; false: each connection takes its chance.
  bool sticky = true;
  std::array<uint8_t, 16> salt{};  // of the division into parts

  // The slice. Empty: all.
  std::vector<AddressPrefix> clients;
  std::vector<std::string> server_names;  // lower case; "*.example.org" stands for one label
  std::vector<size_t> listeners;
  std::array<bool, 2> protocols{true, true};
  std::array<bool, kAeads> ciphers{true, true, true, true};
  uint64_t min_bytes = 0;  // smaller responses and uploads move nothing

  // Names that the sentinel asks for: of a fetch that may move, and of one that stays.
  std::string sentinel_canary, sentinel_control;

  bool allows(Direction direction) const {
    return phase >= (direction == Direction::tx ? Phase::tx_canary : Phase::rx);
  }
  // `serial` is the connection's: what an unsticky division is made by.
  Assignment assign(const Client& client, uint64_t serial) const;

 private:
  bool in_slice(const Client& client) const;
  uint32_t part_of(const Client& client, uint64_t serial) const;
};

}  // namespace sealgate
