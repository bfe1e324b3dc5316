// Shares: who counts as one client, and how much of a limited number of places one client may hold. The last
// quarter of the places is for those who hold few.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>

namespace sealgate {

// A hash of the client at an address. An IPv6 network of /64 is one client: its addresses are for whoever is
// on it to choose.
size_t client_at(std::string_view address);

// How many places each client has, by its hash.
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

  // Clients that hold many hold more than their three quarters.
  bool crowded() const { return held_by_large_ + most_ / 4 > most_; }

  // Fewer than four places have no quarter.
  static bool in_last_quarter(size_t taken, size_t most) { return most >= 4 && taken + most / 4 >= most; }

 private:
  size_t many() const { return most_ / 8 + 1; }
  size_t if_large(size_t held) const { return held >= many() ? held : 0; }

  const size_t most_;
  std::unordered_map<size_t, size_t> held_;
  size_t held_by_large_ = 0;  // of those who hold many, together
};

}  // namespace sealgate
