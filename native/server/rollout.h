// Rollout: which connections may use kernel TLS, and which stay in userspace for comparison. That is
// decided once per connection, after its handshake, by what is known of the client then.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/address_prefix.h"
#include "tls/ktls.h"

namespace sealgate {

enum class Phase : uint8_t {
  instrument,  // nothing moves; the groups are measured alike
  tx_canary,   // the canary's sending may move into the kernel
  rx,          // the canary's receiving may move as well
  hw_offload,  // a network device may take over keys that the kernel has
};

// The group that a connection is counted in.
enum class Group : uint8_t {
  outside,   // not in the slice
  control,   // in the slice, kept in userspace
  canary,    // in the slice, may move
  sentinel,  // the server's own fetches
  count_
};

std::string_view group_name(Group group);

struct Client {
  std::string_view peer;         // numeric address
  std::string_view server_name;  // the server name that it asked for (RFC 6066 3); empty: none
  size_t listener = 0;
  std::optional<TlsVersion> version;
  std::optional<Aead> aead;
};

struct Rollout {
  static constexpr uint32_t kWhole = 10'000;  // shares are in hundredths of a percent

  struct Assignment {
    Group group = Group::outside;
    bool may_move = false;
  };

  // By default nothing moves, until the application sets the phase.
  Phase phase = Phase::instrument;
  uint32_t canary = 0;  // share of the slice
  // true: a client is always in the same part of the slice. false: each of its connections is assigned
  // anew.
  bool sticky = true;
  std::array<uint8_t, 16> salt{};  // makes the division differ between servers

  // The slice: connections that take part. An empty list means all.
  std::vector<AddressPrefix> clients;
  std::vector<std::string> server_names;  // lower case; "*.example.org" stands for one label
  std::vector<size_t> listeners;
  std::array<bool, 2> protocols{true, true};
  std::array<bool, kAeads> ciphers{true, true, true, true};
  uint64_t min_bytes = 0;  // smaller responses and uploads move nothing

  // Server names that the sentinel asks for: one for fetches that may move, one for fetches that stay.
  std::string sentinel_canary, sentinel_control;

  bool allows(Direction direction) const {
    return phase >= (direction == Direction::tx ? Phase::tx_canary : Phase::rx);
  }
  // `serial`: the number of the connection, by which the division is made when it is not sticky.
  Assignment assign(const Client& client, uint64_t serial) const;

 private:
  bool in_slice(const Client& client) const;
  uint32_t part_of(const Client& client, uint64_t serial) const;
};

}  // namespace sealgate
