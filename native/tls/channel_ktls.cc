// Channel, the part that moves a direction from the engine into the kernel.
#include "tls/channel.h"

namespace sealgate {

Fallback Channel::movable(const KtlsPolicy& policy, const KtlsSupport& support, Direction direction) const {
  if (!policy.wants(direction)) return Fallback::off;
  if (!suite_.version) return Fallback::protocol_unsupported;
  if (!suite_.aead) return Fallback::cipher_unsupported;
  if (!policy.wants(*suite_.version, *suite_.aead)) return Fallback::off;
  if (!support.works(*suite_.version, *suite_.aead, direction)) return Fallback::kernel_unsupported;
  const Owner owner = (direction == Direction::tx ? tx_ : rx_).owner;
  return owner == Owner::engine ? Fallback::none : Fallback::pending_data;
}

// The key in use, for records from that number on.
Status Channel::install(Direction direction, uint64_t sequence) {
  RecordKeys keys;
  if (!keys_of(half(direction), keys)) return {EIO, "derive"};
  if (const Status attached = attach_ulp(socket_.get()); !attached.ok()) return attached;
  return install_keys(socket_.get(), direction, keys, sequence);
}

Fallback Channel::send_by_kernel(const KtlsPolicy& policy, const KtlsSupport& support) {
  if (const Fallback reason = movable(policy, support, Direction::tx); reason != Fallback::none)
    return reason;
  if (record_bytes_ < kRecordBytes) return Fallback::record_size_limit;  // the kernel sends records of 16 KiB
  if (!outbox_.empty()) return Fallback::pending_data;
  const uint64_t sequence = protector_ ? protector_->sequence() : tx_.records;
  if (const Status done = install(Direction::tx, sequence); !done.ok()) return install_failure(done);
  // COMMIT: the kernel numbers and protects every record from here on.
  protector_.reset();
  kernel_rekeys_ = support.rekeys(*suite_.version, *suite_.aead, Direction::tx);
  counters_.ktls_switched.add();
  moved(Direction::tx);
  return Fallback::none;
}

Fallback Channel::receive_by_kernel(const KtlsPolicy& policy, const KtlsSupport& support) {
  if (const Fallback reason = movable(policy, support, Direction::rx); reason != Fallback::none)
    return reason;
  // The peer may replace its key at any time, and a kernel that cannot follow would lose the connection.
  if (suite_.version == TlsVersion::tls13 && !support.rekeys(*suite_.version, *suite_.aead, Direction::rx))
    return Fallback::rekey_unsupported;
  // A record that was begun here has to be ended here.
  if (!inbox_.empty() || deferred_type_ || control_.mid_message()) {
    to_boundary_ = true;
    return Fallback::pending_data;
  }
  const uint64_t sequence = opener_ ? opener_->sequence() : rx_.records;
  if (const Status done = install(Direction::rx, sequence); !done.ok()) return install_failure(done);
  // COMMIT: what is in the socket's queue by now, the kernel opens.
  opener_.reset();
  drained_ = false;
  control_ = ControlRecords(*suite_.version, true);
  counters_.ktls_switched_rx.add();
  moved(Direction::rx);
  return Fallback::none;
}

void Channel::moved(Direction direction) {
  Half& side = half(direction);
  side.owner = Owner::kernel;
  side.keys.reset();
  traffic_->cells[static_cast<size_t>(direction)][true].connections.add();
}

}  // namespace sealgate
