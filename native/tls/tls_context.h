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

namespace sealgate {

struct CertificateOptions {
  std::string name;         // how messages call it: its file
  std::string certificate;  // PEM: leaf first, then the chain
  std::string key;          // PEM
  std::string ocsp;         // DER of an OCSP response to staple (RFC 6066 8); empty: none
};

enum class ClientCertificates : uint8_t { none, optional, required };

struct TlsOptions {
  // Chosen by the host name that the client asks for (RFC 6066 3), as their subjects' alternative names say,
  // wildcards included. The first also answers clients that ask for none of them.
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

// Told of one connection's TLS events by OpenSSL's callbacks, on the reactor's thread.
class TlsObserver {
 public:
  virtual void on_keylog(std::string_view line) = 0;
  virtual void on_record(bool written, uint8_t type) = 0;
  virtual void on_key_update_received() = 0;
  // A NewSessionTicket message was written (RFC 8446 4.6.1).
  virtual void on_ticket_written(std::string_view message) = 0;
  virtual void on_alert_written(uint8_t level, uint8_t description) = 0;
  // The client takes records of at most so many bytes of plaintext (RFC 8449).
  virtual void on_record_size_limit(size_t bytes) = 0;

 protected:
  ~TlsObserver() = default;
};

class TlsContext {
 public:
  // On failure returns null and *failure names the setting and OpenSSL's reason. Key material is not in it.
  static std::unique_ptr<TlsContext> create(const TlsOptions& options, std::string* failure);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // A server-side SSL without BIOs. `observer` must outlive it, and this context its handshake.
  SSL* new_ssl(TlsObserver* observer) const;
  // Session tickets that a client is to get for a full handshake of TLS 1.3.
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
