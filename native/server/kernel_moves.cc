#include "server/kernel_moves.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "server/reactor.h"

namespace sealgate {

// The one place that decides whether a direction may move into the kernel for a transfer of so many bytes.
// none: it may, as soon as the channel holds no unsent or unopened bytes (Channel::move_to_kernel).
// in_rollout: whether the rollout lets this direction of this connection move.
Fallback KernelMoves::obstacle(Direction direction, uint64_t bytes, const Rollout& rollout,
                               bool in_rollout) const {
  const KtlsPolicy& policy = reactor_.options().ktls;
  const KtlsSupport& kernel = reactor_.engine().ktls();
  const Suite suite = channel_.suite();
  // The operator has kernel TLS off, or wants it for the other direction alone.
  if (!policy.wants(direction)) return Fallback::off;
  // On a kernel where the probe found nothing to work, no rollout and no cipher would help.
  if (!kernel.any()) return Fallback::kernel_unsupported;
  // No kernel has TLS on a unix socket.
  if (!over_tcp_) return Fallback::kernel_unsupported;
  // The connection's group stays in userspace for comparison, or the rollout's phase has not reached this
  // direction.
  if (!in_rollout) return Fallback::not_in_rollout;
  // The kernel speaks TLS 1.2 and 1.3 alone.
  if (!suite.version) return Fallback::protocol_unsupported;
  // OpenSSL keeps the records of CBC and CCM_8 suites: neither the engine nor the kernel supports these.
  if (!suite.aead) return Fallback::cipher_unsupported;
  // The operator has turned kernel TLS off for this protocol or cipher.
  if (!policy.wants(*suite.version, *suite.aead)) return Fallback::off;
  // The probe moved a connection of this protocol and cipher into this kernel, and its records came out wrong
  // or not at all.
  if (!kernel.works(*suite.version, *suite.aead, direction)) return Fallback::kernel_unsupported;
  // The peer may replace its key at any time, and a kernel that cannot follow would lose the connection.
  if (direction == Direction::rx && suite.version == TlsVersion::tls13 &&
      !kernel.rekeys(*suite.version, *suite.aead, direction))
    return Fallback::rekey_unsupported;
  // The kernel sends records of 16 KiB, and this peer has said that it takes shorter ones only.
  if (direction == Direction::tx && !channel_.sends_whole_records()) return Fallback::record_size_limit;
  // Installing keys costs more than a small transfer saves.
  if (bytes < std::max(reactor_.options().ktls.min_bytes, rollout.min_bytes)) return Fallback::too_short;
  return Fallback::none;
}

namespace {

// Whether the reason for which the last attempt failed may have passed.
constexpr bool worth_trying(Fallback last) {
  return last == Fallback::too_short || last == Fallback::pending_data || last == Fallback::not_in_rollout;
}

}  // namespace

void KernelMoves::join(const Client& client) {
  const auto rollout = reactor_.engine().rollout.load();
  const Rollout::Assignment assigned = rollout->assign(client, reactor_.next_serial());
  joined_ = true;
  group_ = assigned.group;
  may_move_ = assigned.may_move;
  totals_ = &reactor_.mutable_counters().of(group_, false);
  totals_->connections.add();
  channel_.count_for(*totals_);
  for (const Direction each : {Direction::tx, Direction::rx}) {
    const auto i = static_cast<size_t>(each);
    const Fallback found = obstacle(each, 0, *rollout, may_move_ && rollout->allows(each));
    reasons_[i] = found == Fallback::none ? Fallback::too_short : found;
    // Groups are compared by transfers that the kernel could take if the connection were in the rollout.
    if (obstacle(each, UINT64_MAX, *rollout, true) == Fallback::none)
      least_bytes_[i] = reactor_.options().ktls.min_bytes;
  }
  // With a least size of 0 receiving moves at once and does not wait for a body.
  before(Direction::rx, 0);
}

void KernelMoves::know_sentinel(std::string_view host) {
  if (!host.empty() && host == reactor_.engine().rollout.load()->sentinel_control) group_ = Group::sentinel;
}

void KernelMoves::consider(Direction direction, uint64_t bytes) {
  Fallback& why = reasons_[static_cast<size_t>(direction)];
  const bool stays = !may_move_ || !worth_trying(why);
  if ((movable_ && stays) || by_kernel(direction)) return;
  const auto rollout = reactor_.engine().rollout.load();
  if (obstacle(direction, bytes, *rollout, true) != Fallback::none) return;
  const bool allowed = rollout->allows(direction);
  // In the phase that moves nothing yet, connections are divided as in the first phase that moves sending.
  if (direction == Direction::tx || allowed) become_movable();
  if (stays) return;
  why = allowed ? channel_.move_to_kernel(direction, reactor_.engine().ktls()) : Fallback::not_in_rollout;
  if (direction == Direction::rx) rx_bytes_ = bytes;
  if (why != Fallback::none) return;
  if (by_kernel(Direction::tx) != by_kernel(Direction::rx)) totals_->moved.add();
  reactor_.engine().last_move.store(realtime_us(), std::memory_order_relaxed);
  count_mode(direction, rollout->phase >= Phase::hw_offload);
}

// From here on the connection counts as movable, whatever its group.
void KernelMoves::become_movable() {
  if (std::exchange(movable_, true)) return;
  totals_ = &reactor_.mutable_counters().of(group_, true);
  totals_->connections.add();
  channel_.count_for(*totals_);
}

// Without a device that can take keys, the kernel's software has them, and the kernel need not be asked.
void KernelMoves::count_mode(Direction direction, bool offload_allowed) {
  KtlsModes modes{{KtlsMode::software, KtlsMode::software}};
  Counters& counters = reactor_.mutable_counters();
  if (reactor_.options().ktls.ask_modes) {
    modes = {};
    (void)channel_.modes(&modes);
    if (offload_allowed) counters.offload_asked.add();
    if (!offload_allowed && modes[direction] == KtlsMode::device) counters.offload_unasked.add();
  }
  (direction == Direction::tx ? counters.modes_tx : counters.modes_rx)[modes[direction]].add();
  const ZeroCopy wanted = reactor_.options().ktls.zero_copy;
  if (direction == Direction::tx)
    zero_copy_ =
        wanted == ZeroCopy::always || (wanted == ZeroCopy::device && modes[direction] == KtlsMode::device);
}

void KernelMoves::count_fallbacks() const {
  if (!joined_) return;
  Counters& counters = reactor_.mutable_counters();
  if (!by_kernel(Direction::tx)) counters.fallbacks[reason(Direction::tx)].add();
  if (!by_kernel(Direction::rx)) counters.fallbacks_rx[reason(Direction::rx)].add();
  if (channel_.must_end() != Fallback::none) counters.fallbacks[channel_.must_end()].add();
}

std::string_view KernelMoves::owner_or_reason(Direction direction) const {
  return by_kernel(direction) ? "kernel" : fallback_name(reason(direction));
}

void KernelMoves::describe(ConnectionInfo& info) const {
  if (!joined_) return;
  info.group = group_name(group_);
  info.suite = channel_.suite().name();
  for (const Direction each : {Direction::tx, Direction::rx}) {
    const auto i = static_cast<size_t>(each);
    info.owners[i] = record_owner_name(channel_.owner(each));
    if (!by_kernel(each)) info.reasons[i] = fallback_name(reason(each));
  }
  if (by_kernel(Direction::tx) || by_kernel(Direction::rx)) (void)channel_.modes(&info.modes);
  info.key_budget_used = channel_.key_budget_used();
}

}  // namespace sealgate
