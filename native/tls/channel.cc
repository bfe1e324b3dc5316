#include "tls/channel.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <utility>

namespace sealgate {

Channel::Channel(Fd socket, std::shared_ptr<const TlsContext> tls, uint64_t records_per_key,
                 RecordBuffers& buffers, TlsCounters& counters)
    : socket_(std::move(socket)),
      buffers_(buffers),
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

// --- the socket ---

// Returns > 0: bytes; 0: end of stream or a broken socket; -1: try again. A read that returned less than
// requested has emptied the socket, and the edge-triggered poll will report further bytes, so no system call
// is made just to get EAGAIN.
ssize_t Channel::receive(char* out, size_t size) {
  if (drained_) return -1;
  ssize_t n;
  do n = ::recv(socket_.get(), out, size, 0);
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
  drained_ = static_cast<size_t>(n) < size && !hangup_;
  return n;
}

size_t Channel::peek(char* out, size_t size, bool* ended) const {
  ssize_t n;
  do n = ::recv(socket_.get(), out, size, MSG_PEEK);
  while (n < 0 && errno == EINTR);
  *ended = n == 0 || hangup_ || (n < 0 && errno != EAGAIN);
  return static_cast<size_t>(std::max<ssize_t>(n, 0));
}

void Channel::skip(char* scratch, size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(socket_.get(), scratch, size, 0);
    if (n > 0) size -= static_cast<size_t>(n);
    if (n == 0 || (n < 0 && errno != EINTR)) return;
  }
}

ssize_t Channel::send(const char* data, size_t size, bool more) {
  ssize_t n;
  do n = ::send(socket_.get(), data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  while (n < 0 && errno == EINTR);
  return n;
}

uint64_t Channel::unacknowledged() const {
  int bytes = 0;
  return ::ioctl(socket_.get(), SIOCOUTQ, &bytes) == 0 ? static_cast<uint64_t>(bytes) : 0;
}

void Channel::acknowledge_now() {
  const int one = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

// --- what went wrong, and how much went well ---

void Channel::count_traffic(Direction direction, size_t bytes) {
  if (!traffic_) return;
  const RecordOwner by = owner(direction);
  traffic_->cell(direction, by).bytes.add(bytes);
  if (by == RecordOwner::kernel && group_) group_->kernel_bytes.add(bytes);
}

void Channel::count_error(ChannelError error) {
  if (std::exchange(error_counted_, true)) return;
  at_fault_ = !client_left(error);
  counters_.errors[error].add();
  if (group_) group_->errors[error].add();
}

IoState Channel::fail(ChannelError error) {
  count_error(error);
  broken_ = true;
  unreadable_ = unreadable_ || !client_left(error);
  return IoState::failed;
}

// --- reading and writing ---

IoResult Channel::read(char* out, size_t capacity) {
  if (!is_tls_) {
    const ssize_t n = receive(out, capacity);
    if (n > 0) return {IoState::ok, static_cast<size_t>(n)};
    return {n == 0 ? IoState::eof : IoState::again};
  }
  switch (rx_.owner) {
    case RecordOwner::openssl: return read_by_openssl(out, capacity);
    case RecordOwner::engine: return read_records(out, capacity);
    case RecordOwner::kernel: break;
  }
  return read_by_kernel(out, capacity);
}

IoResult Channel::write(const char* data, size_t size, bool more) {
  if (!is_tls_) return sent(send(data, size, more));
  if (tx_.owner == RecordOwner::openssl) return write_by_openssl(data, size, more);
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  return tx_.owner == RecordOwner::engine ? write_records(data, size, more) : sent(send(data, size, more));
}

IoResult Channel::sendfile(const SendableFile& file, uint64_t offset, size_t size) {
  if (!may_sendfile(file)) return {fail(ChannelError::other)};
  if (const IoState state = settle_key_update(); state != IoState::ok) return {state};
  off_t at = static_cast<off_t>(offset);
  const ssize_t n = ::sendfile(socket_.get(), file.fd(), &at, size);
  // The record layer reports what is wrong with a socket by other errors.
  if (n < 0 && errno == EIO) return {IoState::unreadable};
  const IoResult result = sent(n);
  if (zero_copy_) counters_.zero_copy_bytes.add(result.bytes);
  return result;
}

IoResult Channel::sent(ssize_t result) {
  if (result >= 0) {
    const auto bytes = static_cast<size_t>(result);
    if (sends_by_kernel()) count_sent((bytes + kRecordBytes - 1) / kRecordBytes);
    count_traffic(Direction::tx, bytes);
    return {IoState::ok, bytes};
  }
  if (errno == EAGAIN || errno == EINTR) return {IoState::again};
  return {fail(channel_error_of_errno(errno))};
}

IoState Channel::finish_sending() {
  if (finished_) return IoState::ok;
  if (is_tls_ && !broken_ && cipher_) {
    if (tx_.owner == RecordOwner::openssl) {
      if (close_by_openssl() == IoState::again) return IoState::again;
    } else {
      constexpr std::string_view kCloseNotify("\1\0", 2);
      if (!close_notify_sent_ && send_control(kRecordAlert, kCloseNotify).error == EAGAIN)
        return IoState::again;
      close_notify_sent_ = true;
      if (flush() == IoState::again) return IoState::again;
    }
  }
  finished_ = true;
  ::shutdown(socket_.get(), SHUT_WR);
  return IoState::ok;
}

bool Channel::discard(char* scratch, size_t size) {
  for (int turn = 0; turn < 64; turn++) {
    if (receives_by_kernel()) {  // recv(2) cannot return its control records
      if (unreadable_) return !hangup_;
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

void Channel::write_plaintext(const char* data, size_t size) { (void)send(data, size, false); }

}  // namespace sealgate
