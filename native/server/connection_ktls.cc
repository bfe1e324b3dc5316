// Connection, the part that decides who has its record layer: the rollout says whether it may move into the
// kernel, its transfers say when.
#include <utility>

#include "base/clock.h"
#include "server/connection.h"

namespace sealgate {
namespace {

// Why a direction of a new connection is not in the kernel yet, or will never be.
Fallback unmoved(Reactor& reactor, Suite suite, Direction direction, bool in_rollout) {
  const KtlsPolicy& policy = reactor.options().ktls;
  const KtlsSupport& kernel = reactor.engine().ktls();
  if (!policy.wants(direction)) return Fallback::off;
  if (!kernel.any()) return Fallback::kernel_unsupported;
  if (!in_rollout) return Fallback::not_in_rollout;
  if (!suite.version) return Fallback::protocol_unsupported;
  if (!suite.aead) return Fallback::cipher_unsupported;
  if (!policy.wants(*suite.version, *suite.aead)) return Fallback::off;
  return kernel.works(*suite.version, *suite.aead, direction) ? Fallback::too_short
                                                              : Fallback::kernel_unsupported;
}

// What may have changed since it was last tried.
constexpr bool worth_trying(Fallback last) {
  return last == Fallback::too_short || last == Fallback::pending_data || last == Fallback::not_in_rollout;
}

}  // namespace

void Connection::join_group() {
  const auto rollout = reactor_.engine().rollout.load();
  const Suite suite = channel_.suite();
  const Client client{peer_, channel_.server_name(), listener_, suite.version, suite.aead};
  const Rollout::Assignment assigned = rollout->assign(client, reactor_.next_serial());
  group_ = assigned.group;
  may_move_ = assigned.may_move;
  totals_ = &reactor_.mutable_counters().of(group_, false);
  totals_->connections.add();
  channel_.count_for(*totals_);
  for (const Direction each : {Direction::tx, Direction::rx}) {
    fallbacks_[static_cast<size_t>(each)] =
        unmoved(reactor_, suite, each, may_move_ && rollout->allows(each));
    capable_[static_cast<size_t>(each)] = unmoved(reactor_, suite, each, true) == Fallback::too_short;
  }
}

// From here on it counts as movable, in whatever group it is.
void Connection::become_movable() {
  if (std::exchange(movable_, true)) return;
  totals_ = &reactor_.mutable_counters().of(group_, true);
  totals_->connections.add();
  channel_.count_for(*totals_);
}

// Into the kernel with one direction, for a transfer of so many bytes, where policy, rollout and kernel
// allow.
void Connection::move_capable(Direction direction, uint64_t bytes) {
  const bool sending = direction == Direction::tx;
  Fallback& reason = fallbacks_[static_cast<size_t>(direction)];
  if (bytes < reactor_.options().ktls.min_bytes) return;
  const bool stays = !may_move_ || !worth_trying(reason);
  if (movable_ && stays) return;
  if (sending ? channel_.sends_by_kernel() : channel_.receives_by_kernel()) return;
  Engine& engine = reactor_.engine();
  const auto rollout = engine.rollout.load();
  if (bytes < rollout->min_bytes) return;
  const bool allowed = rollout->allows(direction);
  // Before the first phase that moves anything, the groups are compared as in that phase.
  if (sending || allowed) become_movable();
  if (stays) return;
  if (!allowed) {
    reason = Fallback::not_in_rollout;
    return;
  }
  const KtlsPolicy& policy = reactor_.options().ktls;
  reason = sending ? channel_.send_by_kernel(policy, engine.ktls())
                   : channel_.receive_by_kernel(policy, engine.ktls());
  if (reason != Fallback::none) return;
  if (channel_.sends_by_kernel() != channel_.receives_by_kernel()) totals_->moved.add();
  engine.last_move.store(realtime_us(), std::memory_order_relaxed);
  count_mode(direction, rollout->phase >= Phase::hw_offload);
}

// Where no device takes keys, software has them: the kernel need not be asked.
void Connection::count_mode(Direction direction, bool offload_allowed) {
  KtlsModes modes{{KtlsMode::software, KtlsMode::software}};
  Counters& counters = reactor_.mutable_counters();
  if (reactor_.options().ktls.ask_modes) {
    modes = {};
    (void)channel_.modes(&modes);
    if (offload_allowed) counters.offload_asked.add();
    if (!offload_allowed && modes[direction] == KtlsMode::device) counters.offload_unasked.add();
  }
  (direction == Direction::tx ? counters.modes_tx : counters.modes_rx)[modes[direction]].add();
}

void Connection::count_fallbacks() {
  if (!handshake_done_) return;
  Counters& counters = reactor_.mutable_counters();
  const auto [tx, rx] = fallbacks_;
  if (!channel_.sends_by_kernel()) counters.fallbacks[tx].add();
  if (!channel_.receives_by_kernel()) counters.fallbacks_rx[rx].add();
  if (channel_.must_end() != Fallback::none) counters.fallbacks[channel_.must_end()].add();
}

}  // namespace sealgate
