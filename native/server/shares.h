// Shares: which connections belong to one client, and how many of a limited number of places one client
// may hold. The last quarter of the places is reserved for clients that hold few.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>

namespace sealgate {

// A hash that identifies the client of an address. A /64 network of IPv6 is one client, because its hosts
// choose their addresses at will.
size_t client_at(std::string_view address);

// How many places each client holds, by the hash of the client.
class Shares {
 public:
  explicit Shares(size_t most) : most_(most) {}

  size_t held(size_t client) const {
    const auto found = held_.find(client);
    return found == held_.end() ? 0 : found->second;
  }
  bool holds_few(size_t client) const { return held(client) < many(); }

  void take(size_t client, size_t count = 1) {
    size_t& held = held_[client];
    held_by_large_ += if_large(held + count) - if_large(held);
    held += count;
  }
  void leave(size_t client, size_t count = 1) {
    const auto found = held_.find(client);
    if (found == held_.end()) return;
    size_t& held = found->second;
    const size_t left = held - std::min(held, count);
    held_by_large_ -= if_large(held) - if_large(left);
    held = left;
    if (left == 0) held_.erase(found);
  }

  // Whether clients that hold many have more than their three quarters.
  bool crowded() const { return held_by_large_ + most_ / 4 > most_; }

  // With fewer than four places there is no quarter to reserve.
  static bool in_last_quarter(size_t taken, size_t most) { return most >= 4 && taken + most / 4 >= most; }

 private:
  size_t many() const { return most_ / 8 + 1; }
  size_t if_large(size_t held) const { return held >= many() ? held : 0; }

  const size_t most_;
  std::unordered_map<size_t, size_t> held_;
  size_t held_by_large_ = 0;  // places of all clients that hold many
};

}  // namespace sealgate
