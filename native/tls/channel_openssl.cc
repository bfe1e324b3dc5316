// Channel: the parts that OpenSSL does: the handshake, and all records of suites that neither the engine nor
// the kernel supports.
#include <openssl/err.h>

#include <utility>

#include "base/text.h"
#include "tls/channel.h"
#include "tls/tls_certificate.h"

namespace sealgate {

// --- the BIO: OpenSSL's way to the socket ---

BIO_METHOD* Channel::bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sealgate socket");
    BIO_meth_set_read(m, [](BIO* bio, char* out, int size) {
      BIO_clear_retry_flags(bio);
      const int n = static_cast<Channel*>(BIO_get_data(bio))->bio_read(out, size);
      if (n < 0) BIO_set_retry_read(bio);
      return n;
    });
    BIO_meth_set_write(m, [](BIO* bio, const char* data, int size) {
      BIO_clear_retry_flags(bio);
      const int n = static_cast<Channel*>(BIO_get_data(bio))->bio_write(data, size);
      if (n < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
      return n;
    });
    BIO_meth_set_ctrl(m, [](BIO* bio, int command, long, void*) -> long {
      const auto* channel = static_cast<Channel*>(BIO_get_data(bio));
      if (command == BIO_CTRL_EOF) return channel->peer_closed_ && channel->inbox_.empty();
      return command == BIO_CTRL_FLUSH;
    });
    return m;
  }();
  return method;
}

// Reads at most to the end of a record, because the records after the handshake are not for OpenSSL. Returns
// like receive().
int Channel::bio_read(char* out, int size) {
  const size_t wanted = record_left_ > 0 ? 1 : kRecordHeaderBytes;
  while (inbox_.size() < wanted) {
    const ssize_t n = receive(buffers_.received.get(), RecordBuffers::kHeadBytes);
    if (n <= 0) return static_cast<int>(n);
    inbox_.append(buffers_.received.get(), static_cast<size_t>(n));
  }
  if (record_left_ == 0) record_left_ = record_size(inbox_.data());
  const size_t given = std::min({static_cast<size_t>(size), inbox_.size(), record_left_});
  inbox_.copy(out, given);
  inbox_.erase(0, given);
  record_left_ -= given;
  return static_cast<int>(given);
}

int Channel::bio_write(const char* data, int size) {
  if (making_tickets_) return size;
  if (plaintext_) return size;  // an alert would be noise to a client that does not speak TLS
  const ssize_t n = send(data, static_cast<size_t>(size), more_);
  if (n < 0 && errno != EAGAIN) write_error_ = errno;
  return static_cast<int>(n);
}

IoState Channel::failure(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IoState::again;
    case SSL_ERROR_ZERO_RETURN:
      peer_closed_ = true;
      if (!cipher_) count_error(ChannelError::handshake_cut);
      return IoState::eof;
    default: break;
  }
  const unsigned long code = ERR_peek_error();
  if (code == 0 && write_error_ != 0) return fail(channel_error_of_errno(write_error_));
  if (code == 0 && peer_closed_) {
    if (!cipher_) count_error(ChannelError::handshake_cut);
    broken_ = true;
    return IoState::eof;
  }
  return fail(plaintext_ ? ChannelError::not_tls : channel_error_of_openssl(code));
}

// --- what OpenSSL tells ---

void Channel::on_keylog(std::string_view line) {
  auto secret = std::make_unique<TrafficSecret>();
  if (parse_keylog(line, "SERVER_TRAFFIC_SECRET_0", *secret)) {
    tx_.secret = std::move(secret);
    tx_.records = 0;
  } else if (parse_keylog(line, "CLIENT_TRAFFIC_SECRET_0", *secret)) {
    rx_.secret = std::move(secret);
    rx_.records = 0;
  }
}

void Channel::on_record(bool written, uint8_t type) {
  if (making_tickets_) return;
  constexpr uint8_t kChangeCipherSpec = 20;  // TLS 1.2: the next record is the first under the new key
  uint64_t& records = (written ? tx_ : rx_).records;
  records = type == kChangeCipherSpec ? 0 : records + 1;
}

void Channel::on_key_update_received() { count_key_update(); }

void Channel::on_alert_written(uint8_t level, uint8_t) {
  constexpr uint8_t kFatal = 2;
  alerted_ = alerted_ || level == kFatal;
}

// --- the handshake ---

IoState Channel::handshake() {
  forget_errors();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return failure(result);
  end_handshake();
  return IoState::ok;
}

void Channel::end_handshake() {
  cipher_ = SSL_get_current_cipher(ssl_);
  protocol_ = SSL_version(ssl_);
  resumed_ = SSL_session_reused(ssl_) == 1;
  subject_ = sealgate::peer_subject(ssl_);
  const unsigned char* protocol = nullptr;
  unsigned int protocol_size = 0;
  SSL_get0_alpn_selected(ssl_, &protocol, &protocol_size);
  speaks_http2_ = std::string_view(reinterpret_cast<const char*>(protocol), protocol_size) == "h2";
  if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name))
    server_name_ = without_root(name);
  size_t tickets = protocol_ == TLS1_3_VERSION ? context_->tickets() : 0;
  if (resumed_) tickets = std::min<size_t>(tickets, 1);  // one replaces the ticket that was used
  context_.reset();
  // The client sent the last message. With Nagle's algorithm it holds back its first request until the ACK.
  if ((protocol_ == TLS1_3_VERSION || resumed_) && inbox_.empty()) acknowledge_now();
  suite_ = {negotiated_version(ssl_), negotiated_aead(ssl_)};
  if (suite_.version) traffic_ = &counters_.traffic.of(suite_);
  // ChaCha20-Poly1305 keys have no such limit (RFC 8446 5.5), and CBC suites are not limited here.
  if (!suite_.aead || suite_.aead == Aead::chacha20_poly1305) key_budget_ = UINT64_MAX;
  if (suite_.version && suite_.aead && take_over(*suite_.version, *suite_.aead)) {
    make_tickets(tickets);
    SSL_free(std::exchange(ssl_, nullptr));
  } else {
    tickets_owed_ = static_cast<uint8_t>(tickets);
  }
  if (!traffic_) return;
  for (const Direction each : {Direction::tx, Direction::rx}) {
    traffic_->cell(each, owner(each)).connections.add();
  }
}

// Takes the record layer over from OpenSSL, which has read only the handshake and has nothing to write.
bool Channel::take_over(TlsVersion version, Aead aead) {
  if (record_left_ > 0 || SSL_has_pending(ssl_)) return false;
  for (const Direction direction : {Direction::tx, Direction::rx}) {
    Half& side = half(direction);
    if (version == TlsVersion::tls13) {
      if (!side.secret) return false;
    } else {
      side.keys = std::make_unique<RecordKeys>();
      if (!derive_keys12(ssl_, direction, aead, *side.keys)) return false;
    }
  }
  const uint8_t fragment = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl_));  // RFC 6066 4
  if (fragment != TLSEXT_max_fragment_length_DISABLED) {
    received_bytes_ = size_t{512} << (fragment - TLSEXT_max_fragment_length_512);
    record_bytes_ = std::min(record_bytes_, received_bytes_);
  }
  tx_.owner = rx_.owner = RecordOwner::engine;
  control_ = ControlRecords(version, false);
  return true;
}

// --- reading and writing ---

IoResult Channel::read_by_openssl(char* out, size_t capacity) {
  if (drained_ && inbox_.empty() && !SSL_has_pending(ssl_)) return {IoState::again};
  forget_errors();
  const int n = SSL_read(ssl_, out, static_cast<int>(std::min<size_t>(capacity, INT32_MAX)));
  if (flooded_) return {fail(ChannelError::key_update_flood)};
  if (n <= 0) return {failure(n)};
  count_traffic(Direction::rx, static_cast<size_t>(n));
  return {IoState::ok, static_cast<size_t>(n)};
}

IoResult Channel::write_by_openssl(const char* data, size_t size, bool more) {
  forget_errors();
  more_ = more || size > record_bytes_;
  const int n = SSL_write(ssl_, data, static_cast<int>(std::min(size, record_bytes_)));
  more_ = false;
  if (n <= 0) return {failure(n)};
  count_traffic(Direction::tx, static_cast<size_t>(n));
  return {IoState::ok, static_cast<size_t>(n)};
}

IoState Channel::close_by_openssl() {
  forget_errors();
  // 0: our close_notify is sent and the peer's has not arrived; it is not waited for.
  const int result = SSL_shutdown(ssl_);
  return result < 0 ? failure(result) : IoState::ok;
}

}  // namespace sealgate
