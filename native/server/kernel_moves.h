// KernelMoves: which group of the rollout a connection is counted for, and when a direction of it moves into
// the kernel: the rollout says whether it may, its transfers say when.
#pragma once

#include <array>
#include <cstdint>

#include "server/connection_info.h"
#include "server/counters.h"
#include "server/rollout.h"
#include "tls/channel.h"
#include "tls/fallback.h"

namespace sealgate {

class Reactor;

class KernelMoves {
 public:
  KernelMoves(Reactor& reactor, Channel& channel) : reactor_(reactor), channel_(channel) {}

  // The handshake is done.
  void join(const Client& client);
  // In the clear no handshake names the server's own fetches: their first request does.
  void know_sentinel(std::string_view host);

  // A transfer of so many bytes begins: a response that leaves, or a body that arrives.
  void before(Direction direction, uint64_t bytes) {
    if (bytes >= least_bytes_[static_cast<size_t>(direction)]) consider(direction, bytes);
  }
  // Whether whoever has the sending keys may be spared copies of files that the kernel holds.
  bool spares_copies() const { return zero_copy_; }
  // A record that had begun to arrive when receiving was to move may be complete now.
  void after_read() {
    if (rx_bytes_ != kNone && reason(Direction::rx) == Fallback::pending_data)
      consider(Direction::rx, rx_bytes_);
  }

  Group group() const { return group_; }
  bool movable() const { return movable_; }
  // The group's; null until the handshake is done, and in plaintext.
  GroupTotals* totals() const { return totals_; }
  // Who has a direction's records: "kernel", or why it does not.
  std::string_view owner_or_reason(Direction direction) const;
  void count_fallbacks() const;
  void describe(ConnectionInfo& info) const;

 private:
  static constexpr uint64_t kNone = UINT64_MAX;

  Fallback obstacle(Direction direction, uint64_t bytes, const Rollout& rollout, bool in_rollout) const;
  void consider(Direction direction, uint64_t bytes);
  void become_movable();
  void count_mode(Direction direction, bool offload_allowed);
  bool by_kernel(Direction direction) const { return channel_.owner(direction) == RecordOwner::kernel; }
  Fallback reason(Direction direction) const { return reasons_[static_cast<size_t>(direction)]; }

  Reactor& reactor_;
  Channel& channel_;
  GroupTotals* totals_ = nullptr;
  // By Direction: a smaller transfer is not looked at; kNone: nothing moves it.
  std::array<uint64_t, 2> least_bytes_{kNone, kNone};
  uint64_t rx_bytes_ = kNone;          // of the last body for which receiving was to move
  std::array<Fallback, 2> reasons_{};  // by Direction: why it is not in the kernel
  Group group_ = Group::outside;
  bool joined_ = false;
  bool zero_copy_ = false;  // sending is in the kernel, see spares_copies()
  bool may_move_ = false;   // it is of the part of the slice that may
  bool movable_ = false;    // it had a transfer that the kernel could take (group_totals.h)
};

}  // namespace sealgate
