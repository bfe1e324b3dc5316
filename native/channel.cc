#include "channel.h"

#include <linux/sockios.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "tls_certificate.h"

namespace sealgate {

Channel::Channel(Fd socket, std::shared_ptr<const TlsContext> tls, uint64_t records_per_key,
                 Counters& counters)
    : socket_(std::move(socket)),
      counters_(counters),
      key_budget_(records_per_key),
      context_(std::move(tls)),
      is_tls_(context_ != nullptr) {
  if (!context_) return;
  ssl_ = context_->new_ssl(this);
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
    BIO_meth_set_ctrl(m, [](BIO* bio, int command, long, void*) -> long {
      if (command == BIO_CTRL_EOF) return static_cast<Channel*>(BIO_get_data(bio))->peer_closed_;
      return command == BIO_CTRL_FLUSH;
    });
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
    if (n < 0) count_error(channel_error_of_errno(errno));
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

void Channel::count_traffic(Direction direction, size_t bytes) {
  if (!traffic_) return;
  const bool kernel = direction == Direction::tx ? kernel_tx_ : kernel_rx_;
  traffic_->cells[static_cast<size_t>(direction)][kernel].bytes.add(bytes);
}

void Channel::count_error(ChannelError error) {
  if (std::exchange(error_counted_, true)) return;
  counters_.errors[error].add();
  if (group_) group_->errors[error].add();
}

IoState Channel::fail(ChannelError error) {
  count_error(error);
  broken_ = true;
  return IoState::failed;
}

IoState Channel::failure(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return IoState::again;
    case SSL_ERROR_ZERO_RETURN: peer_closed_ = true; return IoState::eof;
    default: break;
  }
  const unsigned long code = ERR_peek_error();
  if (code == 0 && peer_closed_) {
    if (!cipher_) count_error(ChannelError::handshake_cut);
    broken_ = true;
    return IoState::eof;
  }
  return fail(plaintext_ ? ChannelError::not_tls : channel_error_of_openssl(code));
}

IoState Channel::handshake() {
  forget_errors();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return failure(result);
  cipher_ = SSL_get_current_cipher(ssl_);
  protocol_ = SSL_version(ssl_);
  resumed_ = SSL_session_reused(ssl_) == 1;
  subject_ = sealgate::peer_subject(ssl_);
  context_.reset();
  const auto aead = negotiated_aead(ssl_);
  suite_ = {negotiated_version(ssl_), aead};
  if (suite_.version) {
    traffic_ = &counters_.tls.of(suite_);
    for (auto& direction : traffic_->cells) direction[0].connections.add();
  }
  // RFC 8446 5.5: ChaCha20-Poly1305 keys do not wear out; CBC suites are not what the budget is about.
  if (!aead || aead == Aead::chacha20_poly1305) key_budget_ = UINT64_MAX;
  return IoState::ok;
}

std::string_view Channel::server_name() const {
  const char* name = ssl_ ? SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name) : nullptr;
  return name ? name : std::string_view();
}

IoResult Channel::read(char* out, size_t capacity) {
  if (kernel_rx_) return read_by_kernel(out, capacity);
  const int room = static_cast<int>(std::min<size_t>(capacity, INT32_MAX));
  if (!is_tls_) {
    const int n = bio_read(out, room);
    if (n > 0) return {IoState::ok, static_cast<size_t>(n)};
    return {n == 0 ? IoState::eof : IoState::again};
  }
  if (drained_ && !SSL_has_pending(ssl_)) return {IoState::again};
  forget_errors();
  const int n = SSL_read(ssl_, out, room);
  if (flooded_) return {fail(ChannelError::key_update_flood)};
  if (n <= 0) return {failure(n)};
  count_received(1);  // a read crosses no record boundary
  count_traffic(Direction::rx, static_cast<size_t>(n));
  return {IoState::ok, static_cast<size_t>(n)};
}

IoResult Channel::sent(ssize_t result) {
  if (result >= 0) {
    if (kernel_tx_) count_sent(static_cast<size_t>(result));
    count_traffic(Direction::tx, static_cast<size_t>(result));
    return {IoState::ok, static_cast<size_t>(result)};
  }
  if (errno == EAGAIN || errno == EINTR) return {IoState::again};
  return {fail(channel_error_of_errno(errno))};
}

IoResult Channel::write(const char* data, size_t size, bool more) {
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  if (!is_tls_ || kernel_tx_) {
    return sent(::send(socket_.get(), data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0)));
  }
  forget_errors();
  more_ = more;
  const int n = SSL_write(ssl_, data, static_cast<int>(std::min(size, record_bytes_)));
  more_ = false;
  if (n <= 0) return {failure(n)};
  count_sent(static_cast<size_t>(n));
  count_traffic(Direction::tx, static_cast<size_t>(n));
  return {IoState::ok, static_cast<size_t>(n)};
}

IoResult Channel::sendfile(const SealedFile& file, uint64_t offset, size_t size) {
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  off_t at = static_cast<off_t>(offset);
  return sent(::sendfile(socket_.get(), file.fd(), &at, size));
}

IoState Channel::finish_sending() {
  if (finished_) return IoState::ok;
  if (kernel_tx_) {
    if (!broken_ && send_close_notify(socket_.get()).error == EAGAIN) return IoState::again;
  } else if (ssl_ && !broken_ && SSL_is_init_finished(ssl_)) {
    forget_errors();
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
    if (kernel_rx_) {                // whose control records recv(2) cannot take
      if (broken_) return !hangup_;  // it reads no further
      const IoState state = read_by_kernel(scratch, size).state;
      if (state == IoState::ok) continue;
      return state == IoState::again;
    }
    const ssize_t n = ::recv(socket_.get(), scratch, size, MSG_DONTWAIT);
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
  }
  return true;
}

uint64_t Channel::unacknowledged() const {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 ? static_cast<uint64_t>(bytes) : 0;
}

void Channel::write_plaintext(const char* data, size_t size) {
  (void)!::send(socket_.get(), data, size, MSG_NOSIGNAL);
}

}  // namespace sealgate
