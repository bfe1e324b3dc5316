// TlsContext: the certificates and the policy that a reactor's TLS handshakes follow. OpenSSL does the
// handshake; what a Channel needs of it later (secrets, record counts, KeyUpdates) is reported through
// TlsObserver.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/private_key.h"

namespace sealgate {

struct CertificateOptions {
  std::string name;         // how messages call it: its file
  std::string certificate;  // PEM: leaf first, then the chain
  PrivateKey key;           // its, shared by all contexts
  std::string ocsp;         // DER of an OCSP response to staple (RFC 6066 8); empty: none
};

enum class ClientCertificates : uint8_t { none, optional, required };

struct TlsOptions {
  // Selected by the client's server name (RFC 6066 3) among the subject alternative names, including
  // wildcards. The first certificate is also the default for other names.
  std::vector<CertificateOptions> certificates;
  std::string min_version;    // "TLSv1.2" or "TLSv1.3"
  std::string ciphers;        // TLS 1.2, OpenSSL's list; empty: its default
  std::string cipher_suites;  // TLS 1.3
  std::string groups;         // key exchange, OpenSSL's list
  ClientCertificates clients = ClientCertificates::none;
  std::string client_ca;    // PEM: who may issue them
  size_t tickets = 2;       // session tickets for a TLS 1.3 handshake; 0: no resumption
  std::string keylog_file;  // NSS key log: whoever reads it reads the traffic. Empty: none
};

// Receives the TLS events of one connection from OpenSSL's callbacks, on the reactor's thread.
class TlsObserver {
 public:
  virtual void on_keylog(std::string_view line) = 0;
  virtual void on_record(bool written, uint8_t type) = 0;
  virtual void on_key_update_received() = 0;
  // A NewSessionTicket message was written (RFC 8446 4.6.1).
  virtual void on_ticket_written(std::string_view message) = 0;
  virtual void on_alert_written(uint8_t level, uint8_t description) = 0;
  virtual bool offers_http2() const = 0;  // asked during the handshake, for ALPN
  // The client accepts records with at most this many bytes of plaintext (RFC 8449).
  virtual void on_record_size_limit(size_t bytes) = 0;

 protected:
  ~TlsObserver() = default;
};

class TlsContext {
 public:
  // On failure returns null, and *failure names the setting and OpenSSL's reason, without key material.
  static std::unique_ptr<TlsContext> create(const TlsOptions& options, std::string* failure);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A server-side SSL object without BIOs. The observer must outlive it; this context must outlive its
  // handshake.
  SSL* new_ssl(TlsObserver* observer) const;
  // Number of session tickets that a client gets after a full TLS 1.3 handshake.
  size_t tickets() const { return tickets_; }

 private:
  struct Host;
  struct Staple;

  TlsContext();
  Host* twin_of(X509* leaf);
  bool add(const CertificateOptions& certificate, const TlsOptions& options, std::string* failure);
  static int select_host(SSL* ssl, int* alert, void* self);
  static int staple(SSL* ssl, void* self);

  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<Staple> staples_;
  size_t tickets_ = 0;
};

}  // namespace sealgate
