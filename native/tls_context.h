// TlsContext: the certificate and the policy that a reactor's TLS handshakes follow. OpenSSL does the
// handshake; what a Channel needs of it later (secrets, record counts, KeyUpdates) is reported through
// TlsObserver.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sealgate {

struct TlsOptions {
  std::string certificate;    // PEM: leaf first, then the chain
  std::string key;            // PEM
  std::string min_version;    // "TLSv1.2" or "TLSv1.3"
  std::string ciphers;        // TLS 1.2, OpenSSL's list; empty: its default
  std::string cipher_suites;  // TLS 1.3
  std::string ticket_key;     // 80 bytes, shared by the reactors: name, HMAC key, AES key
                              // (SSL_CTX_set_tlsext_ticket_keys)
};

// Told of one connection's TLS events by OpenSSL's callbacks, on the reactor's thread.
class TlsObserver {
 public:
  virtual void on_keylog(std::string_view line) = 0;
  virtual void on_record(bool written, uint8_t type) = 0;
  // A part of a handshake message was read, or with it the whole message.
  virtual void on_handshake_bytes(bool whole_message) = 0;
  virtual void on_key_update_received(bool update_requested) = 0;
  virtual void on_alert_written(uint8_t level, uint8_t description) = 0;

 protected:
  ~TlsObserver() = default;
};

class TlsContext {
 public:
  // On failure returns null and *failure names the setting and OpenSSL's reason. Key material is not in it.
  // secrets: TlsObserver::on_keylog is wanted.
  static std::unique_ptr<TlsContext> create(const TlsOptions& options, bool secrets, std::string* failure);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A server-side SSL without BIOs. `observer` must outlive it.
  SSL* new_ssl(TlsObserver* observer) const;

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

}  // namespace sealgate
