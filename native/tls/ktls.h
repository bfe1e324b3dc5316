// Ktls: kernel TLS on a socket after OpenSSL's handshake (Documentation/networking/tls.rst, RFC 8446, RFC
// 5246). Derives the keys from the handshake's secrets and installs them with setsockopt. Knows neither
// connections nor HTTP.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sealgate {

enum class Direction : uint8_t { tx, rx };
enum class TlsVersion : uint8_t { tls12, tls13 };
enum class Aead : uint8_t { aes128_gcm, aes256_gcm, chacha20_poly1305, aes128_ccm };
constexpr size_t kAeads = 4;

std::string_view aead_name(Aead aead);              // "AES-128-GCM"
std::string_view version_name(TlsVersion version);  // "TLSv1.3"

// The negotiated AEAD if kernel TLS supports it; empty for any other suite (CBC, CCM_8, ARIA and so on).
std::optional<Aead> aead_of(const SSL_CIPHER* cipher);
std::optional<Aead> negotiated_aead(const SSL* ssl);
std::optional<TlsVersion> negotiated_version(const SSL* ssl);

// The traffic secret of one direction (TLS 1.3), 32 or 48 bytes. Wiped by its destructor; kept in guarded
// memory as long as that suffices (guard_secrets()).
struct TrafficSecret {
  static void* operator new(size_t size);
  static void operator delete(void* secret, size_t size);
  std::array<uint8_t, 48> bytes{};
  uint8_t size = 0;

  TrafficSecret() = default;
  TrafficSecret(const TrafficSecret&) = delete;
  TrafficSecret& operator=(const TrafficSecret&) = delete;
  ~TrafficSecret();
  void wipe();
};

// Key and IV of one direction, ready for the kernel. Wiped by its destructor.
struct RecordKeys {
  TlsVersion version = TlsVersion::tls13;
  Aead aead = Aead::aes128_gcm;
  std::array<uint8_t, 32> key{};
  std::array<uint8_t, 12> iv{};  // TLS 1.2 AES: 4 bytes implicit salt, then 8 zero bytes

  RecordKeys() = default;
  RecordKeys(const RecordKeys&) = delete;
  RecordKeys& operator=(const RecordKeys&) = delete;
  ~RecordKeys();
  void copy(const RecordKeys& from) {
    version = from.version;
    aead = from.aead;
    key = from.key;
    iv = from.iv;
  }
};

// RFC 8446 7.3: key and iv from a traffic secret.
bool derive_keys13(const TrafficSecret& secret, Aead aead, RecordKeys& out);
// RFC 8446 7.2: the next generation of the secret, in place ("traffic upd").
bool next_secret13(TrafficSecret& secret, Aead aead);
// RFC 5246 6.3: this side's keys as a server, from the session's master secret and the randoms of `ssl`.
bool derive_keys12(SSL* ssl, Direction direction, Aead aead, RecordKeys& out);
// Parses a line of OpenSSL's keylog callback ("SERVER_TRAFFIC_SECRET_0 <random> <secret>"); false for other
// labels.
bool parse_keylog(std::string_view line, std::string_view label, TrafficSecret& out);

// Sets TCP_ULP "tls". EEXIST counts as success. ENOENT: the kernel has no kTLS, or this process may not load
// its module.
Status attach_ulp(int fd);
// Sets TLS_TX or TLS_RX; `sequence` is the number of the next record. EBUSY on a second call: this kernel
// cannot replace keys (before Linux 6.14).
Status install_keys(int fd, Direction direction, const RecordKeys& keys, uint64_t sequence);
// Reads the number of the next record that the kernel will protect or open (getsockopt TLS_TX, TLS_RX).
Status record_sequence(int fd, Direction direction, const RecordKeys& like, uint64_t* sequence);

// Sets TLS_TX_ZEROCOPY_RO: a network device that has the sending keys reads what sendfile(2) sends from the
// page cache itself, again at each retransmission, so the bytes must not change any more. Without such a
// device it has no effect. ENOPROTOOPT before Linux 5.19.
Status send_without_copies(int fd);

constexpr uint8_t kRecordAlert = 21;
constexpr uint8_t kRecordHandshake = 22;
constexpr uint8_t kRecordData = 23;

// Sends one control record through a kTLS socket (TLS_SET_RECORD_TYPE). EAGAIN: nothing was sent, try again.
Status send_control(int fd, uint8_t record_type, const void* data, size_t size);
Status send_alert(int fd, uint8_t description);       // fatal
Status send_key_update(int fd, bool request_update);  // RFC 8446 4.6.3

// The result of one recvmsg(2) on a kTLS socket: bytes from records of one type.
struct Received {
  size_t size = 0;
  uint8_t type = kRecordData;
  bool end = false;  // of the stream, with or without a close_notify before it
};
// A control record arrives whole if `capacity` is 16 KiB. EBADMSG: the next record is not authentic;
// EMSGSIZE: it is too long; EINVAL: its version differs. EKEYEXPIRED: no key was installed since a KeyUpdate.
Status receive_records(int fd, void* out, size_t capacity, Received* received);

// What the kernel can do, probed by sending records over a loopback connection for each combination.
struct KtlsCapability {
  TlsVersion version;
  Aead aead;
  Direction direction;
  bool works = false;   // 32 KiB and a control record arrived intact
  bool rekeys = false;  // and again after a second key was installed (TLS 1.3)
  Status failure;       // of the first step that failed
};
std::vector<KtlsCapability> probe_ktls();

}  // namespace sealgate
