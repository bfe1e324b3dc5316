#include "channel.h"

#include <openssl/err.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>

namespace sealgate {

KtlsSupport::KtlsSupport(const std::vector<KtlsCapability>& matrix) {
  for (const KtlsCapability& c : matrix) {
    if (c.direction == Direction::tx) tx_[index(c.version, c.aead)] = {c.works, c.rekeys};
  }
}

bool KtlsSupport::any_tx() const {
  return std::any_of(std::begin(tx_), std::end(tx_), [](const Entry& entry) { return entry.works; });
}

Channel::Channel(Fd socket, const TlsContext* tls, Counters& counters)
    : socket_(std::move(socket)), counters_(counters), is_tls_(tls != nullptr) {
  if (!tls) return;
  ssl_ = tls->new_ssl(this);
  BIO* bio = ssl_ ? BIO_new(bio_method()) : nullptr;
  if (!bio) {
    SSL_free(ssl_);
    ssl_ = nullptr;
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

Channel::~Channel() { SSL_free(ssl_); }

// --- the BIO: OpenSSL's way to the socket
// ------------------------------------------------------------------------

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
    BIO_meth_set_ctrl(m, [](BIO*, int command, long, void*) -> long { return command == BIO_CTRL_FLUSH; });
    return m;
  }();
  return method;
}

// > 0 bytes, 0 end of stream or a broken socket, -1 try again. A read that returned less than asked has
// emptied the socket, and the edge-triggered poll will tell of more, so the system call that would say EAGAIN
// is spared.
int Channel::bio_read(char* out, int size) {
  if (drained_) return -1;
  ssize_t n;
  do n = ::recv(socket_.get(), out, static_cast<size_t>(size), 0);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) {
    drained_ = true;
    return -1;
  }
  if (n <= 0) {
    peer_closed_ = true;
    return 0;
  }
  if (!first_byte_seen_) {
    first_byte_seen_ = true;
    plaintext_ = out[0] >= 'A' && out[0] <= 'Z';  // a TLS record begins with its type, 22 for a ClientHello
  }
  drained_ = n < size && !hangup_;
  return static_cast<int>(n);
}

int Channel::bio_write(const char* data, int size) {
  if (kernel_tx_)
    return size;  // the kernel owns the sequence numbers: nothing of OpenSSL's may reach the wire
  if (plaintext_) return size;  // an alert would be noise to a client that does not speak TLS
  ssize_t n;
  do n = ::send(socket_.get(), data, static_cast<size_t>(size), MSG_NOSIGNAL | (more_ ? MSG_MORE : 0));
  while (n < 0 && errno == EINTR);
  return static_cast<int>(n);
}

// --- reading and writing
// -----------------------------------------------------------------------------------------

IoState Channel::failure(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IoState::again;
    case SSL_ERROR_ZERO_RETURN: return IoState::eof;
    default: broken_ = true; return peer_closed_ ? IoState::eof : IoState::failed;
  }
}

IoState Channel::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? IoState::ok : failure(result);
}

IoResult Channel::read(char* out, size_t capacity) {
  if (!is_tls_) {
    const int n = bio_read(out, static_cast<int>(std::min<size_t>(capacity, INT32_MAX)));
    if (n > 0) return {IoState::ok, static_cast<size_t>(n)};
    return {n == 0 ? IoState::eof : IoState::again};
  }
  if (drained_ && !SSL_has_pending(ssl_)) return {IoState::again};
  ERR_clear_error();
  const int n = SSL_read(ssl_, out, static_cast<int>(std::min<size_t>(capacity, INT32_MAX)));
  if (n > 0) return {IoState::ok, static_cast<size_t>(n)};
  return {failure(n)};
}

IoResult Channel::sent(ssize_t result) {
  if (result >= 0) return {IoState::ok, static_cast<size_t>(result)};
  return {errno == EAGAIN || errno == EINTR ? IoState::again : IoState::failed};
}

IoResult Channel::write(const char* data, size_t size, bool more) {
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  if (!is_tls_ || kernel_tx_) {
    return sent(::send(socket_.get(), data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
  }
  ERR_clear_error();
  more_ = more;
  const int n = SSL_write(ssl_, data, static_cast<int>(std::min(size, kRecordBytes)));
  more_ = false;
  if (n > 0) return {IoState::ok, static_cast<size_t>(n)};
  return {failure(n)};
}

IoResult Channel::sendfile(const SealedFile& file, uint64_t offset, size_t size) {
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  off_t at = static_cast<off_t>(offset);
  return sent(::sendfile(socket_.get(), file.fd(), &at, size));
}

IoState Channel::finish_sending() {
  if (finished_) return IoState::ok;
  if (kernel_tx_) {
    if (send_close_notify(socket_.get()).error == EAGAIN) return IoState::again;
  } else if (ssl_ && !broken_ && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    // 0: our close_notify is sent, the peer's has not come; nobody waits for that one.
    if (const int result = SSL_shutdown(ssl_); result < 0 && failure(result) == IoState::again)
      return IoState::again;
  }
  finished_ = true;
  ::shutdown(socket_.get(), SHUT_WR);
  return IoState::ok;
}

bool Channel::discard(char* scratch, size_t size) {
  for (int turn = 0; turn < 64; turn++) {
    const ssize_t n = ::recv(socket_.get(), scratch, size, MSG_DONTWAIT);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
  }
  return true;
}

void Channel::write_plaintext(const char* data, size_t size) {
  (void)!::send(socket_.get(), data, size, MSG_NOSIGNAL);
}

// --- kernel TLS
// --------------------------------------------------------------------------------------------------

void Channel::on_keylog(std::string_view line) {
  auto secret = std::make_unique<TrafficSecret>();
  const bool first = parse_keylog(line, "SERVER_TRAFFIC_SECRET_0", *secret);
  // OpenSSL labels every later generation "_N", literally.
  if (!first && !parse_keylog(line, "SERVER_TRAFFIC_SECRET_N", *secret)) return;
  tx_secret_ = std::move(secret);
  records_written_ = 0;
}

void Channel::on_record_written(uint8_t type) {
  constexpr uint8_t kChangeCipherSpec = 20;  // TLS 1.2: the next record is the first under the new key
  records_written_ = type == kChangeCipherSpec ? 0 : records_written_ + 1;
}

void Channel::on_key_update_received(bool update_requested) {
  counters_.key_updates_received.add();
  if (kernel_tx_ && update_requested) key_update_owed_ = true;
}

Fallback Channel::to_kernel(const KtlsSupport& support) {
  const auto version = negotiated_version(ssl_);
  if (!version) return Fallback::protocol_unsupported;
  const auto aead = negotiated_aead(ssl_);
  if (!aead) return Fallback::cipher_unsupported;
  if (!support.tx(*version, *aead)) return Fallback::kernel_unsupported;
  // OpenSSL owes the peer something (a KeyUpdate): it must leave under OpenSSL's sequence numbers first.
  if (SSL_in_init(ssl_) || SSL_get_key_update_type(ssl_) != SSL_KEY_UPDATE_NONE)
    return Fallback::pending_data;

  RecordKeys keys;
  uint64_t sequence = records_written_;
  if (*version == TlsVersion::tls13) {
    if (!tx_secret_ || !derive_keys13(*tx_secret_, *aead, keys)) return Fallback::install_failed;
  } else {
    if (!derive_keys12(ssl_, Direction::tx, *aead, keys)) return Fallback::install_failed;
  }
  if (!attach_ulp(socket_.get()).ok()) return Fallback::install_failed;
  if (!install_keys(socket_.get(), Direction::tx, keys, sequence).ok()) return Fallback::install_failed;
  // COMMIT: the kernel numbers and protects every record from here on; OpenSSL's output goes nowhere
  // (bio_write).
  kernel_tx_ = true;
  aead_ = *aead;
  kernel_rekeys_ = *version == TlsVersion::tls13 && support.tx_rekeys(*version, *aead);
  counters_.ktls_switched.add();
  return Fallback::none;
}

// RFC 8446 4.6.3: a requested KeyUpdate is answered before the next application data.
IoState Channel::settle_key_update() {
  if (!key_update_owed_) return IoState::ok;
  if (!kernel_rekeys_) {
    // The answer would need a second key, which this kernel refuses. What is under way is finished under the
    // old key, which the peer still accepts, and the connection ends with close_notify.
    must_end_ = true;
    return IoState::ok;
  }
  if (!key_update_sent_) {
    const Status status = send_key_update(socket_.get(), false);
    if (!status.ok()) return status.error == EAGAIN ? IoState::again : IoState::failed;
    key_update_sent_ = true;
  }
  RecordKeys keys;
  if (!next_secret13(*tx_secret_, aead_) || !derive_keys13(*tx_secret_, aead_, keys) ||
      !install_keys(socket_.get(), Direction::tx, keys, 0).ok()) {
    return IoState::failed;
  }
  key_update_owed_ = key_update_sent_ = false;
  counters_.key_updates_sent.add();
  return IoState::ok;
}

}  // namespace sealgate
