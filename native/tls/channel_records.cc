// Channel: records after the handshake: those that the engine opens and protects, those that a receiving
// kernel returns, control records, and the replacement of keys.
#include <sys/socket.h>

#include <cstring>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "tls/channel.h"

namespace sealgate {
namespace {

// Peers are known that answer every KeyUpdate with another (JDK-8329548).
constexpr uint32_t kKeyUpdatesPerSecond = 4096;

// The alert for a record that cannot be opened.
std::optional<Alert> alert_for(ChannelError error) {
  switch (error) {
    case ChannelError::bad_record_mac: return Alert::bad_record_mac;
    case ChannelError::record_overflow: return Alert::record_overflow;
    case ChannelError::protocol_version: return Alert::protocol_version;
    case ChannelError::unexpected_message: return Alert::unexpected_message;
    default: return std::nullopt;
  }
}

ChannelError error_for(Alert alert) {
  return alert == Alert::unexpected_message ? ChannelError::unexpected_message
                                            : ChannelError::illegal_message;
}

// The error in a record's header, if any (RFC 8446 5.1, 5.2; RFC 5246 6.2.3).
std::optional<ChannelError> header_error(const char* header, TlsVersion version, size_t most_bytes) {
  if (version == TlsVersion::tls13 && static_cast<uint8_t>(header[0]) != kRecordData)
    return ChannelError::unexpected_message;
  if (header[1] != 3 || header[2] != 3) return ChannelError::protocol_version;
  if (record_size(header) > most_bytes) return ChannelError::record_overflow;
  return std::nullopt;
}

// Bytes missing to the end of the current record, or to the end of the next header.
size_t missing_of_record(std::string_view wire) {
  return (wire.size() < kRecordHeaderBytes ? kRecordHeaderBytes : record_size(wire.data())) - wire.size();
}

}  // namespace

// --- receiving in the engine ---

IoResult Channel::read_records(char* out, size_t capacity) {
  if (unreadable_) return {IoState::failed};
  if (const IoState state = settle_deferred(); state != IoState::ok) return {state};
  char* const buffer = buffers_.received.get();
  const size_t most = std::min(capacity, RecordBuffers::kBytes);  // more than the longest record
  size_t received = inbox_.copy(buffer, RecordBuffers::kBytes), opened = 0;
  std::string_view wire;  // received bytes that are not opened yet
  IoState state = IoState::ok;
  for (size_t taken = 0;;) {
    wire = {buffer + taken, received - taken};
    state = open_records(wire, out, capacity, opened);
    taken = received - wire.size();
    if (state != IoState::ok || opened > 0 || peer_closed_ || drained_) break;
    if (received >= most) {  // control records filled the rest
      std::memmove(buffer, wire.data(), wire.size());
      received = wire.size();
      wire = {buffer, received};
      taken = 0;
    }
    const size_t wanted = to_boundary_ ? missing_of_record(wire) : most - received;
    if (const ssize_t n = receive(buffer + received, wanted); n > 0) received += static_cast<size_t>(n);
  }
  if (!wire.empty()) {
    inbox_.assign(wire);
  } else if (!inbox_.empty()) {
    free_memory(inbox_);
  }
  if (opened > 0) return {IoState::ok, opened};
  if (state != IoState::ok) return {state};
  return {peer_closed_ ? IoState::eof : IoState::again};
}

// Opens the whole records at the start of `wire`. A control record or error behind data waits for the next
// read, because the data must be returned first.
IoState Channel::open_records(std::string_view& wire, char* out, size_t capacity, size_t& opened) {
  if (wire.size() < kRecordHeaderBytes) return IoState::ok;
  if (!can_open()) return fail(ChannelError::cipher_failed);
  const size_t most = received_bytes_ + opener_->overhead();
  while (wire.size() >= kRecordHeaderBytes && !deferred_type_ && !peer_closed_) {
    if (const auto error = header_error(wire.data(), *suite_.version, most))
      return opened > 0 ? IoState::ok : fail(*error, *alert_for(*error));
    const size_t size = record_size(wire.data());
    if (wire.size() < size || capacity - opened < size) break;
    const auto record = opener_->open(wire.substr(0, size), out + opened);
    if (!record.authentic)
      return opened > 0 ? IoState::ok : fail(ChannelError::bad_record_mac, Alert::bad_record_mac);
    wire.remove_prefix(size);
    count_received(1);
    const std::string_view data(out + opened, record.size);
    if (opened > 0 && record.type != kRecordData) {
      deferred_type_ = record.type;
      deferred_ = data;
    } else if (record.type == kRecordData && !data.empty() && !control_.mid_message()) {
      control_.on_data();
      opened += data.size();
    } else if (const IoState state = obey(control_.take(record.type, data)); state != IoState::ok) {
      return state;
    }
  }
  count_traffic(Direction::rx, opened);
  return IoState::ok;
}

IoState Channel::settle_deferred() {
  if (!deferred_type_) return IoState::ok;
  const uint8_t type = *std::exchange(deferred_type_, std::nullopt);
  return obey(control_.take(type, std::exchange(deferred_, {})));
}

// --- receiving in the kernel ---

IoResult Channel::read_by_kernel(char* out, size_t capacity) {
  while (!peer_closed_ && !drained_) {
    Received received;
    const Status status = receive_records(socket_.get(), out, capacity, &received);
    if (status.error == EAGAIN) {
      drained_ = true;
    } else if (!status.ok()) {
      const ChannelError error = channel_error_of_errno(status.error);
      // The kernel reports the end of a connection before it returns the bytes received earlier.
      if (client_left(error)) {
        fail(error);
        if (std::exchange(reset_told_, true)) return {IoState::eof};
        continue;
      }
      const auto alert = alert_for(error);
      return {alert ? fail(error, *alert) : fail(error)};
    } else if (received.end) {
      peer_closed_ = true;
    } else if (received.type == kRecordData && received.size > 0) {
      control_.on_data();
      count_received(received.size);
      count_traffic(Direction::rx, received.size);
      return {IoState::ok, received.size};
    } else {
      count_received(1);
      const IoState state = obey(control_.take(received.type, {out, received.size}));
      if (state != IoState::ok) return {state};
    }
  }
  return {peer_closed_ ? IoState::eof : IoState::again};
}

// --- control records ---

IoState Channel::obey(const Verdict& verdict) {
  switch (verdict.kind) {
    case Verdict::Kind::nothing: return IoState::ok;
    case Verdict::Kind::close_notify: peer_closed_ = true; return IoState::eof;
    case Verdict::Kind::alert_received: return fail(ChannelError::alert_received);
    case Verdict::Kind::failed: return fail(error_for(verdict.alert), verdict.alert);
    case Verdict::Kind::no_renegotiation: {
      constexpr char kWarning[] = {1, static_cast<char>(Alert::no_renegotiation)};
      (void)send_control(kRecordAlert, {kWarning, sizeof kWarning});
      return IoState::ok;
    }
    case Verdict::Kind::key_update: break;
  }
  if (!use_next_key(Direction::rx)) return fail(ChannelError::key_update_failed);
  if (verdict.update_requested) key_update_owed_ = true;
  count_key_update();
  return flooded_ ? fail(ChannelError::key_update_flood, Alert::unexpected_message) : IoState::ok;
}

IoState Channel::fail(ChannelError error, Alert alert) {
  // A receiving kernel leaves the error on the socket, where the next call of any kind would return it.
  int left;
  socklen_t size = sizeof left;
  if (receives_by_kernel()) ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &left, &size);
  const char fatal[] = {2, static_cast<char>(alert)};
  alerted_ = send_control(kRecordAlert, {fatal, sizeof fatal}).ok();
  return fail(error);
}

// EAGAIN: the socket is full, try again. Records protected by the engine wait in the outbox instead.
Status Channel::send_control(uint8_t type, std::string_view data) {
  if (sends_by_kernel()) return sealgate::send_control(socket_.get(), type, data.data(), data.size());
  if (outbox_.size() > RecordBuffers::kBytes) return {EAGAIN, "send"};
  char record[kRecordOverhead + 8];
  const size_t size = can_protect() ? protector_->protect(type, data, record) : 0;
  if (size == 0) return {EKEYREJECTED, "protect"};
  outbox_.append(record, size);
  return flush() == IoState::failed ? Status{EPIPE, "send"} : Status{};
}

// --- sending ---

IoResult Channel::write_records(const char* data, size_t size, bool more) {
  if (const IoState state = flush(); state != IoState::ok) return {state};
  if (!can_protect()) return {fail(ChannelError::cipher_failed)};
  char* const records = buffers_.protected_records.get();
  size_t made = 0, taken = 0;
  do {
    const size_t piece = std::min(size - taken, record_bytes_);
    const size_t bytes = protector_->protect(kRecordData, {data + taken, piece}, records + made);
    if (bytes == 0) return {fail(ChannelError::cipher_failed)};
    made += bytes;
    taken += piece;
    count_sent(1);
  } while (taken < size && !key_update_owed_ &&
           made + record_bytes_ + kRecordOverhead <= RecordBuffers::kProtectedBytes);
  const ssize_t n = send(records, made, more || taken < size);
  if (n < 0 && errno != EAGAIN) return {fail(channel_error_of_errno(errno))};
  const size_t left = made - static_cast<size_t>(std::max<ssize_t>(n, 0));
  if (left > 0) outbox_.assign(records + made - left, left);
  count_traffic(Direction::tx, taken);
  return {IoState::ok, taken};
}

IoState Channel::flush(bool more) {
  if (outbox_.empty()) return IoState::ok;
  if (broken_) return IoState::failed;
  const ssize_t n = send(outbox_.data() + outbox_sent_, outbox_.size() - outbox_sent_, more);
  if (n < 0) return errno == EAGAIN ? IoState::again : fail(channel_error_of_errno(errno));
  outbox_sent_ += static_cast<size_t>(n);
  if (outbox_sent_ < outbox_.size()) return IoState::again;
  free_memory(outbox_);
  outbox_sent_ = 0;
  return IoState::ok;
}

// --- keys and their budget (RFC 8446 4.6.3, 5.5) ---

bool Channel::keys_of(const Half& half, RecordKeys& keys) const {
  if (half.secret) return derive_keys13(*half.secret, *suite_.aead, keys);
  if (!half.keys) return false;
  keys.copy(*half.keys);
  return true;
}

// Called for the first record after the handshake; OpenSSL's count of records gives its number.
bool Channel::make_protector() {
  RecordKeys keys;
  if (keys_of(tx_, keys)) protector_ = RecordProtector::create(keys, tx_.records);
  return protector_ != nullptr;
}

bool Channel::make_opener() {
  RecordKeys keys;
  if (keys_of(rx_, keys)) opener_ = RecordOpener::create(keys, rx_.records);
  return opener_ != nullptr;
}

bool Channel::use_next_key(Direction direction) {
  Half& side = half(direction);
  if (!side.secret || !next_secret13(*side.secret, *suite_.aead)) return false;
  if (side.owner == RecordOwner::kernel) return install(direction, 0).ok();
  RecordKeys keys;
  if (!keys_of(side, keys)) return false;
  if (direction == Direction::tx) return (protector_ = RecordProtector::create(keys, 0)) != nullptr;
  return (opener_ = RecordOpener::create(keys, 0)) != nullptr;
}

void Channel::count_key_update() {
  counters_.key_updates_received.add();
  rx_.records = 0;
  asked_for_key_update_ = false;
  if (const int64_t now = monotonic_ms() / 1000; now != std::exchange(updates_since_, now)) key_updates_ = 0;
  flooded_ = ++key_updates_ > kKeyUpdatesPerSecond;
}

void Channel::count_sent(uint64_t records) {
  tx_.records += records;
  if (tx_.records >= key_budget_) key_spent(false);
}

// The kernel does not report how many records a read covered, but there cannot be more than bytes. It is
// asked for the exact number only when this bound reaches the limit.
void Channel::count_received(uint64_t records) {
  rx_.records += records;
  if (rx_.records < key_budget_ || asked_for_key_update_) return;
  if (receives_by_kernel()) {
    RecordKeys like;
    like.version = *suite_.version;
    like.aead = *suite_.aead;
    if (!record_sequence(socket_.get(), Direction::rx, like, &rx_.records).ok()) return;
  }
  if (rx_.records >= key_budget_) key_spent(true);
}

double Channel::key_budget_used() const {
  const uint64_t used = std::max(tx_.records, rx_.records);
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

// A requested KeyUpdate is answered before the next application data.
IoState Channel::settle_key_update() {
  if (!key_update_owed_) return IoState::ok;
  if (sends_by_kernel() && !kernel_rekeys_) {
    // The current response is finished with the old key, which the peer still accepts; then the connection
    // ends with close_notify.
    must_end_ = Fallback::rekey_unsupported;
    return IoState::ok;
  }
  if (!key_update_sent_) {
    const char update[] = {24, 0, 0, 1, ask_for_key_update_};
    const Status status = send_control(kRecordHandshake, {update, sizeof update});
    if (status.error == EAGAIN) return IoState::again;
    if (!status.ok()) return fail(channel_error_of_errno(status.error));
    key_update_sent_ = true;
  }
  if (!use_next_key(Direction::tx)) return fail(ChannelError::key_update_failed);
  key_update_owed_ = key_update_sent_ = ask_for_key_update_ = false;
  tx_.records = 0;
  counters_.key_updates_sent.add();
  return IoState::ok;
}

}  // namespace sealgate
