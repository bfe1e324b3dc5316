// Channel: one accepted socket and whoever owns its record layer. The only place that knows whether bytes are
// protected by OpenSSL, by the engine, by the kernel or not at all; everything above asks for reads, writes
// and sendfile.
//
//   owner     protects and opens the records of
//   openssl   the handshake; after it, suites that are not among Aead (CBC, CCM_8)
//   engine    every other direction from the end of the handshake on: record_crypto.h
//   kernel    a direction that moved there: kernel TLS
//
// The SSL object is freed when the engine takes over, both directions at once. From there each direction
// moves into the kernel on its own, once, and never back.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/sendable_file.h"
#include "tls/channel_error.h"
#include "tls/fallback.h"
#include "tls/ktls.h"
#include "tls/ktls_mode.h"
#include "tls/ktls_policy.h"
#include "tls/record_crypto.h"
#include "tls/tls_context.h"
#include "tls/tls_counters.h"
#include "tls/tls_record.h"

namespace sealgate {

enum class IoState : uint8_t {
  ok,
  again,       // the socket is drained or full; wait for its event
  eof,         // the peer closed its side
  failed,      // the connection is of no more use; the reason was counted
  unreadable,  // sendfile(): the file cannot be read there; the connection is as it was
};

struct IoResult {
  IoState state;
  size_t bytes = 0;
};

// Buffers for bytes on their way between a response and its socket. One set serves all channels of a thread,
// one after another, so it stays in the processor's caches.
struct RecordBuffers {
  static constexpr size_t kBytes = 128 * 1024;
  static constexpr size_t kProtectedBytes = kBytes + 32 * 1024;
  // Bytes received at a time while no body is expected, since a connection may have to keep that many.
  static constexpr size_t kHeadBytes = 32 * 1024;
  std::unique_ptr<char[]> received{new char[kBytes]}, plaintext{new char[kBytes]},
      protected_records{new char[kProtectedBytes]};
};

class Channel final : public TlsObserver {
 public:
  // tls == null: plaintext. Takes ownership of the socket, which must be non-blocking.
  // records_per_key: after this many records in one direction the key is replaced, or the connection ends.
  Channel(Fd socket, std::shared_ptr<const TlsContext> tls, uint64_t records_per_key, RecordBuffers& buffers,
          TlsCounters& counters);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool usable() const { return !is_tls_ || ssl_ != nullptr; }
  bool is_tls() const { return is_tls_; }
  bool sends_by_kernel() const { return tx_.owner == RecordOwner::kernel; }
  bool receives_by_kernel() const { return rx_.owner == RecordOwner::kernel; }
  // Whether to read while only sending: the peer may send KeyUpdates or alerts that need an answer.
  bool reads_aside() const { return is_tls_ && rx_.owner != RecordOwner::openssl; }
  // After the handshake, where TLS is spoken.
  RecordOwner owner(Direction direction) const { return (direction == Direction::tx ? tx_ : rx_).owner; }
  int fd() const { return socket_.get(); }
  // Bytes given to the kernel that the peer has not acknowledged (SIOCOUTQ, tcp(7)).
  uint64_t unacknowledged() const;

  // The socket became readable (without this, reads that would find nothing are skipped). hangup: the peer's
  // end of stream is queued too (EPOLLRDHUP), and no further event will report it.
  void readable(bool hangup) {
    drained_ = false;
    hangup_ = hangup_ || hangup;
  }

  // ok: the handshake is complete. failed with spoke_plaintext(): the client's first bytes are not a TLS
  // record.
  IoState handshake();
  bool spoke_plaintext() const { return plaintext_; }
  bool resumed() const { return resumed_; }
  // Call it before the handshake: the client may choose HTTP/2 by ALPN (RFC 7301).
  void offer_http2() { offers_http2_ = true; }
  bool speaks_http2() const { return speaks_http2_; }  // the client chose it
  // Reads what has arrived without taking it, before a handshake or without TLS. 0: nothing has; no bytes
  // but ended: nothing will.
  size_t peek(char* out, size_t size, bool* ended) const;
  // Takes so many bytes that peek() has found.
  void skip(char* scratch, size_t size);
  // Valid after the handshake; null cipher: plaintext.
  const SSL_CIPHER* cipher() const { return cipher_; }
  int protocol() const { return protocol_; }  // TLS1_3_VERSION
  Suite suite() const { return suite_; }
  const std::string& server_name() const { return server_name_; }  // that the client asked for (RFC 6066 3)
  // Who uses the keys that were installed in the kernel; ENOENT: none were installed.
  Status modes(KtlsModes* out) const { return ktls_modes(socket_.get(), out); }
  // The used share of what a key may protect, 0 to 1, in the direction where it is larger.
  double key_budget_used() const;
  // From now on errors are also counted for the rollout group.
  void count_for(TlsGroupCounters& group) { group_ = &group; }
  // Subject of the client's certificate (RFC 2253); empty without one.
  const std::string& peer_subject() const { return subject_; }

  IoResult read(char* out, size_t capacity);
  // May write only a part. After `again` the next write must begin with the same bytes, and at the same
  // address unless the bytes may move. more: further bytes follow at once, so TCP may wait for them.
  IoResult write(const char* data, size_t size, bool more);
  bool writes_may_move() const { return !is_tls_ || tx_.owner != RecordOwner::openssl; }
  // again: records that were written earlier still wait for the socket.
  IoState flush(bool more = false);
  // Session tickets (TLS 1.3) are held back until the client is known to read, and then leave with the next
  // write, once. In the socket of a client that only uploads and closes they would stay unread; its kernel
  // would then reset the connection and drop unsent bytes of the upload.
  void send_tickets() {
    if (!tickets_.empty() || tickets_owed_ > 0) release_tickets();
  }
  // Only for files that may_sendfile() allows. ok with 0 bytes: the file is shorter than before.
  IoResult sendfile(const SendableFile& file, uint64_t offset, size_t size);
  // True in plaintext and where the kernel sends. After send_without_copies() only for files that the kernel
  // keeps from changing, because their pages may be read again after they were sent.
  bool may_sendfile(const SendableFile& file) const {
    return (!is_tls_ || sends_by_kernel()) && (!zero_copy_ || file.held_by_kernel());
  }
  // Sets TLS_TX_ZEROCOPY_RO (ktls.h) for the rest of the connection, if the kernel sends.
  void send_without_copies();

  // Moves a direction into the kernel if no bytes are held back; the kernel must support protocol and cipher.
  // none: the direction is in the kernel. pending_data: try again after the next read or write.
  Fallback move_to_kernel(Direction direction, const KtlsSupport& support);
  // The peer takes records as long as those that the kernel sends.
  bool sends_whole_records() const { return record_bytes_ >= kRecordBytes; }

  // Whether the connection ended for another reason than that the client left.
  bool at_fault() const { return at_fault_; }
  // Whether the client no longer reads, while bytes that it sent earlier may still be read.
  bool deaf() const { return broken_ && !unreadable_; }
  // Sends an ACK at once for the peer's bytes: the peer may wait for it before it sends the rest.
  void acknowledge_now();

  // A fatal alert was sent. The peer's further bytes must be read, or a reset could overtake the alert.
  bool alerted() const { return alerted_; }
  // Why the connection must end after the current response; none: it need not end.
  Fallback must_end() const { return must_end_; }

  // Reads and drops received bytes; false when the connection has ended.
  bool discard(char* scratch, size_t size);
  // Sends close_notify if TLS is used, and closes the sending direction. again: call it again when the socket
  // is writable.
  IoState finish_sending();
  // Answers a client that spoke HTTP without TLS on a TLS port. Called once; the bytes may be lost.
  void write_plaintext(const char* data, size_t size);

  void on_keylog(std::string_view line) override;
  void on_record(bool written, uint8_t type) override;
  void on_key_update_received() override;
  void on_ticket_written(std::string_view message) override;
  void on_alert_written(uint8_t level, uint8_t description) override;
  bool offers_http2() const override { return offers_http2_; }
  void on_record_size_limit(size_t bytes) override { record_bytes_ = std::min(bytes, kRecordBytes); }

 private:
  // One direction. After the handshake it has a secret (TLS 1.3, which derives each next key from it) or keys
  // (TLS 1.2, which never change).
  struct Half {
    RecordOwner owner = RecordOwner::openssl;
    std::unique_ptr<TrafficSecret> secret;
    std::unique_ptr<RecordKeys> keys;
    uint64_t records = 0;  // under the current key; never too few
  };

  ssize_t receive(char* out, size_t size);
  ssize_t send(const char* data, size_t size, bool more);
  void count_error(ChannelError error);
  void count_traffic(Direction direction, size_t bytes);
  IoState fail(ChannelError error);
  IoState fail(ChannelError error, Alert alert);
  IoResult sent(ssize_t result);

  // --- channel_openssl.cc ---
  static BIO_METHOD* bio_method();
  int bio_read(char* out, int size);
  int bio_write(const char* data, int size);
  // An error left in this thread's OpenSSL queue by another connection would be taken for this one's.
  // Checking whether the queue is empty costs a tenth of clearing it.
  static void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
  }
  IoState failure(int result);
  void end_handshake();
  bool take_over(TlsVersion version, Aead aead);
  IoResult read_by_openssl(char* out, size_t capacity);
  IoResult write_by_openssl(const char* data, size_t size, bool more);
  IoState close_by_openssl();

  // --- channel_tickets.cc ---
  void make_tickets(size_t count);
  void release_tickets();

  // --- channel_records.cc ---
  IoResult read_records(char* out, size_t capacity);
  IoState open_records(std::string_view& wire, char* out, size_t capacity, size_t& opened);
  IoState settle_deferred();
  IoResult read_by_kernel(char* out, size_t capacity);
  IoResult write_records(const char* data, size_t size, bool more);
  Status send_control(uint8_t type, std::string_view data);
  IoState obey(const Verdict& verdict);
  void count_sent(uint64_t records);
  void count_received(uint64_t records);
  void key_spent(bool peers);
  IoState settle_key_update();
  void count_key_update();
  bool keys_of(const Half& half, RecordKeys& keys) const;
  bool can_protect() { return protector_ || make_protector(); }
  bool can_open() { return opener_ || make_opener(); }
  bool make_protector();
  bool make_opener();
  bool use_next_key(Direction direction);

  // --- channel_ktls.cc ---
  Fallback send_by_kernel(const KtlsSupport& support);
  Fallback receive_by_kernel();
  Status install(Direction direction, uint64_t sequence);
  void moved(Direction direction);

  Half& half(Direction direction) { return direction == Direction::tx ? tx_ : rx_; }

  Fd socket_;
  RecordBuffers& buffers_;
  TlsCounters& counters_;
  uint64_t key_budget_;                        // records that one key may protect
  std::shared_ptr<const TlsContext> context_;  // during the handshake
  SSL* ssl_ = nullptr;
  const SSL_CIPHER* cipher_ = nullptr;
  Suite suite_;
  TlsTraffic::Totals* traffic_ = nullptr;  // of the suite; null in plaintext
  TlsGroupCounters* group_ = nullptr;
  int protocol_ = 0;
  std::string subject_, server_name_;
  size_t record_bytes_ = kRecordBytes;    // that the peer takes
  size_t received_bytes_ = kRecordBytes;  // that it may send
  bool is_tls_;
  bool resumed_ = false;
  bool offers_http2_ = false;
  bool speaks_http2_ = false;
  bool drained_ = false;
  bool hangup_ = false;
  bool first_byte_seen_ = false;
  bool plaintext_ = false;
  bool peer_closed_ = false;
  bool broken_ = false;      // nothing more may be written
  bool unreadable_ = false;  // nor read
  bool more_ = false;        // for bio_write
  int write_error_ = 0;      // of bio_write
  bool error_counted_ = false;
  bool reset_told_ = false;  // by a receiving kernel
  bool at_fault_ = false;
  bool alerted_ = false;
  bool close_notify_sent_ = false;
  bool finished_ = false;  // our half is closed

  Half tx_, rx_;
  // Used while the engine sends or receives. Created at the first record, so that an idle client costs no
  // memory for them.
  std::unique_ptr<RecordProtector> protector_;
  std::unique_ptr<RecordOpener> opener_;
  std::string inbox_;   // received bytes that are not opened yet
  std::string outbox_;  // protected and not sent
  size_t outbox_sent_ = 0;
  size_t record_left_ = 0;    // bytes of a record that OpenSSL has begun to read
  bool to_boundary_ = false;  // receive no byte beyond the current record
  std::string tickets_;       // NewSessionTicket messages that have not been sent
  uint8_t tickets_owed_ = 0;  // or their number, where OpenSSL is to make them
  bool making_tickets_ = false;
  std::optional<uint8_t> deferred_type_;  // type of a control record that waits behind data
  std::string deferred_;                  // its data
  ControlRecords control_{TlsVersion::tls13, true};

  bool zero_copy_ = false;
  bool kernel_rekeys_ = false;  // the kernel's sending key can be replaced
  bool key_update_owed_ = false;
  bool key_update_sent_ = false;       // a KeyUpdate is sent, its key not yet in use
  bool ask_for_key_update_ = false;    // the next KeyUpdate must request one of the peer
  bool asked_for_key_update_ = false;  // a requested KeyUpdate has not arrived yet
  bool flooded_ = false;               // the peer sent too many KeyUpdates
  Fallback must_end_ = Fallback::none;
  int64_t updates_since_ = 0;  // second of CLOCK_MONOTONIC in which key_updates_ were counted
  uint32_t key_updates_ = 0;
};

}  // namespace sealgate
