// Channel: moves a direction from the engine into the kernel.
#include "tls/channel.h"

namespace sealgate {

// Installs the current key in the kernel; `sequence` is the number of its next record.
Status Channel::install(Direction direction, uint64_t sequence) {
  RecordKeys keys;
  if (!keys_of(half(direction), keys)) return {EIO, "derive"};
  if (const Status attached = attach_ulp(socket_.get()); !attached.ok()) return attached;
  return install_keys(socket_.get(), direction, keys, sequence);
}

// Where OpenSSL still protects the records, there is no key at hand.
Fallback Channel::move_to_kernel(Direction direction, const KtlsSupport& support) {
  if (owner(direction) != RecordOwner::engine) return Fallback::pending_data;
  return direction == Direction::tx ? send_by_kernel(support) : receive_by_kernel();
}

Fallback Channel::send_by_kernel(const KtlsSupport& support) {
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

Fallback Channel::receive_by_kernel() {
  // A record that the engine has received in part cannot be completed by the kernel.
  if (!inbox_.empty() || deferred_type_ || control_.mid_message()) {
    to_boundary_ = true;
    return Fallback::pending_data;
  }
  const uint64_t sequence = opener_ ? opener_->sequence() : rx_.records;
  if (const Status done = install(Direction::rx, sequence); !done.ok()) return install_failure(done);
  // COMMIT: from here on the kernel opens the records in the socket's queue.
  opener_.reset();
  drained_ = false;
  control_ = ControlRecords(*suite_.version, true);
  counters_.ktls_switched_rx.add();
  moved(Direction::rx);
  return Fallback::none;
}

void Channel::send_without_copies() {
  if (zero_copy_ || !sends_by_kernel() || !sealgate::send_without_copies(socket_.get()).ok()) return;
  zero_copy_ = true;
  counters_.zero_copy_connections.add();
}

void Channel::moved(Direction direction) {
  Half& side = half(direction);
  side.owner = RecordOwner::kernel;
  side.keys.reset();
  traffic_->cell(direction, side.owner).connections.add();
}

}  // namespace sealgate
