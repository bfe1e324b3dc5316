// Channel, the part about the kernel's record layer: moving a direction there, what it receives, and keys.
#include <openssl/err.h>
#include <sys/socket.h>

#include <optional>
#include <utility>

#include "channel.h"
#include "clock.h"

namespace sealgate {
namespace {

// Peers are known that answer every KeyUpdate with another (JDK-8329548).
constexpr uint32_t kKeyUpdatesPerSecond = 4096;

// The class of what the kernel refused, and the alert OpenSSL would send for it.
std::optional<Alert> alert_for(ChannelError error) {
  switch (error) {
    case ChannelError::bad_record_mac: return Alert::bad_record_mac;
    case ChannelError::record_overflow: return Alert::record_overflow;
    case ChannelError::protocol_version: return Alert::protocol_version;
    default: return std::nullopt;
  }
}

ChannelError error_for(Alert alert) {
  return alert == Alert::unexpected_message ? ChannelError::unexpected_message
                                            : ChannelError::illegal_message;
}

}  // namespace

// --- what OpenSSL tells while it owns a direction ---

// Once the kernel has a direction its secret is ours: OpenSSL, which still believes to send, would advance it
// with every KeyUpdate that it means to write.
void Channel::on_keylog(std::string_view line) {
  auto secret = std::make_unique<TrafficSecret>();
  const auto is = [&](const char* label) { return parse_keylog(line, label, *secret); };
  // OpenSSL labels every later generation "_N", literally.
  if (!kernel_tx_ && (is("SERVER_TRAFFIC_SECRET_0") || is("SERVER_TRAFFIC_SECRET_N"))) {
    tx_secret_ = std::move(secret);
    records_written_ = 0;
  } else if (!kernel_rx_ && (is("CLIENT_TRAFFIC_SECRET_0") || is("CLIENT_TRAFFIC_SECRET_N"))) {
    rx_secret_ = std::move(secret);
    records_read_ = 0;
  }
}

void Channel::on_record(bool written, uint8_t type) {
  constexpr uint8_t kChangeCipherSpec = 20;  // TLS 1.2: the next record is the first under the new key
  uint64_t& records = written ? records_written_ : records_read_;
  records = type == kChangeCipherSpec ? 0 : records + 1;
}

void Channel::on_handshake_bytes(bool whole_message) { mid_message_ = !whole_message; }

void Channel::on_key_update_received(bool update_requested) {
  // While OpenSSL sends, it answers by itself.
  if (kernel_tx_ && update_requested) key_update_owed_ = true;
  count_key_update();
}

void Channel::on_alert_written(uint8_t level, uint8_t description) {
  constexpr uint8_t kFatal = 2;
  alerted_ = alerted_ || level == kFatal;
  if (!kernel_tx_) return;
  const uint8_t alert[] = {level, description};
  (void)send_control(socket_.get(), kRecordAlert, alert, sizeof alert);
}

// --- moving a direction into the kernel ---

// Also notes what the handshake negotiated.
Fallback Channel::movable(const KtlsPolicy& policy, const KtlsSupport& support, Direction direction) {
  if (!policy.wants(direction)) return Fallback::off;
  const auto version = negotiated_version(ssl_);
  if (!version) return Fallback::protocol_unsupported;
  const auto aead = negotiated_aead(ssl_);
  if (!aead) return Fallback::cipher_unsupported;
  if (!policy.wants(*version, *aead)) return Fallback::off;
  if (!support.works(*version, *aead, direction)) return Fallback::kernel_unsupported;
  version_ = *version;
  aead_ = *aead;
  return SSL_in_init(ssl_) ? Fallback::pending_data : Fallback::none;
}

bool Channel::install(Direction direction, uint64_t sequence) {
  RecordKeys keys;
  const TrafficSecret* secret = (direction == Direction::tx ? tx_secret_ : rx_secret_).get();
  const bool derived = version_ == TlsVersion::tls13 ? secret && derive_keys13(*secret, aead_, keys)
                                                     : derive_keys12(ssl_, direction, aead_, keys);
  return derived && attach_ulp(socket_.get()).ok() &&
         install_keys(socket_.get(), direction, keys, sequence).ok();
}

Fallback Channel::send_by_kernel(const KtlsPolicy& policy, const KtlsSupport& support) {
  if (const Fallback reason = movable(policy, support, Direction::tx); reason != Fallback::none)
    return reason;
  // The kernel sends records of 16 KiB.
  if (record_bytes_ < kRecordBytes ||
      SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl_)) != TLSEXT_max_fragment_length_DISABLED)
    return Fallback::record_size_limit;
  // OpenSSL owes the peer something (a KeyUpdate): it must leave under OpenSSL's sequence numbers first.
  if (SSL_want_write(ssl_) || SSL_get_key_update_type(ssl_) != SSL_KEY_UPDATE_NONE)
    return Fallback::pending_data;
  if (!install(Direction::tx, records_written_)) return Fallback::install_failed;
  // COMMIT: the kernel numbers and protects every record from here on; OpenSSL's output goes nowhere
  // (bio_write).
  kernel_tx_ = true;
  kernel_rekeys_ = support.rekeys(version_, aead_, Direction::tx);
  sent_ceiling_ = records_written_;
  counters_.ktls_switched.add();
  traffic_->cells[static_cast<size_t>(Direction::tx)][true].connections.add();
  release_ssl();
  return Fallback::none;
}

Fallback Channel::receive_by_kernel(const KtlsPolicy& policy, const KtlsSupport& support) {
  if (const Fallback reason = movable(policy, support, Direction::rx); reason != Fallback::none)
    return reason;
  // The peer may replace its key at any time, and a kernel that cannot follow would lose the connection.
  if (version_ == TlsVersion::tls13 && !support.rekeys(version_, aead_, Direction::rx))
    return Fallback::rekey_unsupported;
  // OpenSSL must hold nothing that it has read: no byte, no header, no beginning of a message.
  const bool between_records = std::string_view(SSL_rstate_string(ssl_)) == "RH";
  if (SSL_has_pending(ssl_) || !between_records || mid_message_) return Fallback::pending_data;
  if (!install(Direction::rx, records_read_)) return Fallback::install_failed;
  // COMMIT: what is in the socket's queue by now, the kernel opens.
  kernel_rx_ = true;
  drained_ = false;
  received_ceiling_ = records_read_;
  control_ = ControlRecords(version_);
  counters_.ktls_switched_rx.add();
  traffic_->cells[static_cast<size_t>(Direction::rx)][true].connections.add();
  release_ssl();
  return Fallback::none;
}

// With both directions in the kernel there is nothing left for OpenSSL to do.
void Channel::release_ssl() {
  if (!kernel_tx_ || !kernel_rx_) return;
  SSL_free(std::exchange(ssl_, nullptr));
}

// --- receiving ---

IoResult Channel::read_by_kernel(char* out, size_t capacity) {
  while (!peer_closed_ && !drained_) {
    Received received;
    const Status status = receive_records(socket_.get(), out, capacity, &received);
    if (status.error == EAGAIN) {
      drained_ = true;
    } else if (!status.ok()) {
      const ChannelError error = channel_error_of_errno(status.error);
      const auto alert = alert_for(error);
      return {alert ? fail(error, *alert) : fail(error)};
    } else if (received.end) {
      peer_closed_ = true;
    } else if (received.type == kRecordData) {
      control_.on_data();
      count_received(received.size);
      count_traffic(Direction::rx, received.size);
      if (received.size > 0) return {IoState::ok, received.size};
    } else {
      count_received(1);
      const IoState state = obey(control_.take(received.type, {out, received.size}));
      if (state != IoState::ok) return {state};
    }
  }
  return {peer_closed_ ? IoState::eof : IoState::again};
}

IoState Channel::obey(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::nothing: return IoState::ok;
    case Verdict::Kind::close_notify: peer_closed_ = true; return IoState::eof;
    case Verdict::Kind::alert_received: return fail(ChannelError::alert_received);
    case Verdict::Kind::failed: return fail(error_for(verdict.alert), verdict.alert);
    case Verdict::Kind::no_renegotiation: {
      const uint8_t warning[] = {1, static_cast<uint8_t>(Alert::no_renegotiation)};
      if (kernel_tx_) (void)send_control(socket_.get(), kRecordAlert, warning, sizeof warning);
      return IoState::ok;
    }
    case Verdict::Kind::key_update: break;
  }
  if (!next_secret13(*rx_secret_, aead_) || !install(Direction::rx, 0)) {
    return fail(ChannelError::key_update_failed);
  }
  if (verdict.update_requested) key_update_owed_ = true;
  count_key_update();
  return flooded_ ? fail(ChannelError::key_update_flood, Alert::unexpected_message) : IoState::ok;
}

IoState Channel::fail(ChannelError error, Alert alert) {
  // OpenSSL sends no alerts but its own. Where it sends and may be interrupted, the kernel takes over for
  // this.
  if (!kernel_tx_ && !SSL_want_write(ssl_) && install(Direction::tx, records_written_)) kernel_tx_ = true;
  // The kernel left the error of receiving on the socket, where the next call of any kind would meet it.
  int left;
  socklen_t size = sizeof left;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &left, &size);
  alerted_ = kernel_tx_ && send_alert(socket_.get(), static_cast<uint8_t>(alert)).ok();
  return fail(error);
}

void Channel::count_key_update() {
  counters_.key_updates_received.add();
  received_ceiling_ = 0;
  asked_for_key_update_ = false;
  if (const int64_t now = monotonic_ms() / 1000; now != std::exchange(updates_since_, now)) key_updates_ = 0;
  flooded_ = ++key_updates_ > kKeyUpdatesPerSecond;
}

// --- the budget of a key (RFC 8446 5.5) ---

void Channel::count_sent(size_t bytes) {
  sent_ceiling_ += (bytes + kRecordBytes - 1) / kRecordBytes;
  if (sent_ceiling_ >= key_budget_) key_spent(false);
}

// The kernel does not say how many records it opened for a read: not more than there were bytes. Only when
// that could be too many is it asked.
void Channel::count_received(uint64_t records) {
  received_ceiling_ += records;
  if (received_ceiling_ < key_budget_ || asked_for_key_update_) return;
  if (kernel_rx_) {
    RecordKeys like;
    like.version = version_;
    like.aead = aead_;
    if (!record_sequence(socket_.get(), Direction::rx, like, &received_ceiling_).ok()) return;
  }
  if (received_ceiling_ >= key_budget_) key_spent(true);
}

double Channel::key_budget_used() const {
  const uint64_t used = std::max(sent_ceiling_, received_ceiling_);
  return std::min(1.0, static_cast<double>(used) / static_cast<double>(key_budget_));
}

void Channel::key_spent(bool peers) {
  if (protocol_ != TLS1_3_VERSION) {
    must_end_ = Fallback::key_spent;  // TLS 1.2 has no way to replace a key but renegotiation
    return;
  }
  key_update_owed_ = true;
  if (peers) ask_for_key_update_ = asked_for_key_update_ = true;
}

// RFC 8446 4.6.3: a requested KeyUpdate is answered before the next application data.
IoState Channel::settle_key_update() {
  if (!key_update_owed_) return IoState::ok;
  if (kernel_tx_) return replace_sending_key();
  // OpenSSL sends it in front of the next data; not in the middle of a record, where it is asked again.
  const int type = ask_for_key_update_ ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
  forget_errors();
  if (SSL_key_update(ssl_, type) != 1) return IoState::ok;
  key_update_owed_ = ask_for_key_update_ = false;
  sent_ceiling_ = 0;
  counters_.key_updates_sent.add();
  return IoState::ok;
}

IoState Channel::replace_sending_key() {
  if (!kernel_rekeys_) {
    // What is under way is finished under the old key, which the peer still accepts, and the connection ends
    // with close_notify.
    must_end_ = Fallback::rekey_unsupported;
    return IoState::ok;
  }
  if (!key_update_sent_) {
    const Status status = send_key_update(socket_.get(), ask_for_key_update_);
    if (status.error == EAGAIN) return IoState::again;
    if (!status.ok()) return fail(channel_error_of_errno(status.error));
    key_update_sent_ = true;
  }
  if (!next_secret13(*tx_secret_, aead_) || !install(Direction::tx, 0)) {
    return fail(ChannelError::key_update_failed);
  }
  key_update_owed_ = key_update_sent_ = ask_for_key_update_ = false;
  sent_ceiling_ = 0;
  counters_.key_updates_sent.add();
  return IoState::ok;
}

}  // namespace sealgate
