// Channel: one accepted socket and whoever owns its record layer. The only place that knows whether bytes are
// protected by OpenSSL, by the kernel or not at all; everything above asks for reads, writes and sendfile.
//
//   plain                                   no TLS
//   user   --- to_kernel() --->  ktls-tx    OpenSSL both ways --> kernel sends, OpenSSL receives
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "counters.h"
#include "fd.h"
#include "ktls.h"
#include "sealed_file.h"
#include "tls_context.h"

namespace sealgate {

enum class IoState : uint8_t {
  ok,
  again,   // the socket is drained or full; wait for its event
  eof,     // the peer closed its side
  failed,  // the connection is of no more use
};

struct IoResult {
  IoState state;
  size_t bytes = 0;
};

// What to_kernel() may rely on: from the probe at start.
class KtlsSupport {
 public:
  explicit KtlsSupport(const std::vector<KtlsCapability>& matrix);
  bool tx(TlsVersion version, Aead aead) const { return tx_[index(version, aead)].works; }
  bool tx_rekeys(TlsVersion version, Aead aead) const { return tx_[index(version, aead)].rekeys; }
  bool any_tx() const;

 private:
  static size_t index(TlsVersion v, Aead a) { return static_cast<size_t>(v) * 3 + static_cast<size_t>(a); }
  struct Entry {
    bool works = false, rekeys = false;
  };
  Entry tx_[6];
};

class Channel final : public TlsObserver {
 public:
  // One TLS record's plaintext (RFC 8446 5.1): the most that a write() takes at once.
  static constexpr size_t kRecordBytes = 16384;

  // tls == null: plaintext. Takes the socket, which must be non-blocking.
  Channel(Fd socket, const TlsContext* tls, Counters& counters);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool usable() const { return !is_tls_ || ssl_ != nullptr; }
  bool is_tls() const { return is_tls_; }
  bool in_kernel() const { return kernel_tx_; }
  bool can_sendfile() const { return !is_tls_ || kernel_tx_; }
  int fd() const { return socket_.get(); }

  // The socket has an event: a read that would find nothing is not tried before. hangup: the peer's end of
  // stream is in the queue too (EPOLLRDHUP), which no further event will tell.
  void readable(bool hangup) {
    drained_ = false;
    hangup_ = hangup_ || hangup;
  }

  // ok: the handshake is complete. failed with spoke_plaintext(): the client's first byte was no TLS record.
  IoState handshake();
  bool spoke_plaintext() const { return plaintext_; }
  bool resumed() const { return ssl_ && SSL_session_reused(ssl_); }

  IoResult read(char* out, size_t capacity);
  // Takes at most kRecordBytes under OpenSSL's record layer. After `again` the next write must begin with the
  // same bytes at the same address. more: further bytes follow at once, so the segment may wait for them.
  IoResult write(const char* data, size_t size, bool more);
  // can_sendfile() only. ok with 0 bytes: the file is shorter than it was.
  IoResult sendfile(const SealedFile& file, uint64_t offset, size_t size);

  // Moves sending into the kernel when everything allows it. none: the kernel sends from here on.
  Fallback to_kernel(const KtlsSupport& support);
  // True when the peer asked for a KeyUpdate that this kernel cannot do: end the connection after this
  // response.
  bool must_end() const { return must_end_; }

  // Reads and drops what arrives, undecrypted; false when the connection has ended.
  bool discard(char* scratch, size_t size);
  // close_notify where TLS is spoken, then the end of our half of the connection. again: call it once more
  // when the socket can be written.
  IoState finish_sending();
  // The answer to a client that spoke HTTP in the clear to a TLS port: once, best effort.
  void write_plaintext(const char* data, size_t size);

  void on_keylog(std::string_view line) override;
  void on_record_written(uint8_t type) override;
  void on_key_update_received(bool update_requested) override;

 private:
  static BIO_METHOD* bio_method();
  int bio_read(char* out, int size);
  int bio_write(const char* data, int size);
  IoState failure(int result);
  IoState settle_key_update();
  IoResult sent(ssize_t result);

  Fd socket_;
  Counters& counters_;
  SSL* ssl_ = nullptr;
  bool is_tls_;
  bool drained_ = false;
  bool hangup_ = false;
  bool first_byte_seen_ = false;
  bool plaintext_ = false;
  bool peer_closed_ = false;
  bool broken_ = false;  // OpenSSL must not be asked to write any more
  bool more_ = false;    // for bio_write
  bool kernel_tx_ = false;
  bool kernel_rekeys_ = false;
  bool key_update_owed_ = false;
  bool key_update_sent_ = false;
  bool must_end_ = false;
  bool finished_ = false;  // our half is closed
  Aead aead_ = Aead::aes128_gcm;
  uint64_t records_written_ = 0;  // under the current sending key
  std::unique_ptr<TrafficSecret> tx_secret_;
};

}  // namespace sealgate
