// KernelMoves: the rollout group of one connection, and when its directions move into the kernel: the
// rollout says whether they may, the sizes of transfers say when.
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
  KernelMoves(Reactor& reactor, Channel& channel, bool over_tcp)
      : reactor_(reactor), channel_(channel), over_tcp_(over_tcp) {}

  // Assigns the group. Call it after the handshake.
  void join(const Client& client);
  // Recognizes the server's own fetches in plaintext, where no handshake names them, by the host of their
  // first request.
  void know_sentinel(std::string_view host);

  // Call it before a transfer of so many bytes, a response or a body; may move that direction.
  void before(Direction direction, uint64_t bytes) {
    if (bytes >= least_bytes_[static_cast<size_t>(direction)]) consider(direction, bytes);
  }
  // Whether sendfile may spare the copies of files that the kernel keeps from changing
  // (TLS_TX_ZEROCOPY_RO).
  bool spares_copies() const { return zero_copy_; }
  // Call it after each read. A record that had begun to arrive when receiving was to move may be complete
  // now.
  void after_read() {
    if (rx_bytes_ != kNone && reason(Direction::rx) == Fallback::pending_data)
      consider(Direction::rx, rx_bytes_);
  }

  Group group() const { return group_; }
  bool movable() const { return movable_; }
  // Totals of the group; null in plaintext and until the handshake is done.
  GroupTotals* totals() const { return totals_; }
  // Who protects the records of a direction: "kernel", or why it is not the kernel.
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
  // By Direction: smaller transfers are not considered. kNone: no transfer moves the direction.
  std::array<uint64_t, 2> least_bytes_{kNone, kNone};
  uint64_t rx_bytes_ = kNone;          // size of the last body for which receiving was to move
  std::array<Fallback, 2> reasons_{};  // by Direction: why it is not in the kernel
  Group group_ = Group::outside;
  const bool over_tcp_;  // and not a unix socket
  bool joined_ = false;
  bool zero_copy_ = false;  // sending is in the kernel, and see spares_copies()
  bool may_move_ = false;   // the rollout lets the connection move
  bool movable_ = false;    // a transfer came that the kernel could take (group_totals.h)
};

}  // namespace sealgate
