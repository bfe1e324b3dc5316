// TlsPair: a client and a server of OpenSSL that talk through memory, so that a test sees every byte of both
// directions and every secret.
#pragma once

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/ktls.h"

namespace sealgate {

struct TestSuite {
  TlsVersion version;
  Aead aead;
  const char* name;  // as OpenSSL calls it
};

// Every combination that the kernel may be given keys for.
constexpr std::array<TestSuite, 2 * kAeads> kSuites = {{
    {TlsVersion::tls13, Aead::aes128_gcm, "TLS_AES_128_GCM_SHA256"},
    {TlsVersion::tls13, Aead::aes256_gcm, "TLS_AES_256_GCM_SHA384"},
    {TlsVersion::tls13, Aead::chacha20_poly1305, "TLS_CHACHA20_POLY1305_SHA256"},
    {TlsVersion::tls13, Aead::aes128_ccm, "TLS_AES_128_CCM_SHA256"},
    {TlsVersion::tls12, Aead::aes128_gcm, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {TlsVersion::tls12, Aead::aes256_gcm, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {TlsVersion::tls12, Aead::chacha20_poly1305, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {TlsVersion::tls12, Aead::aes128_ccm, "ECDHE-ECDSA-AES128-CCM"},
}};

struct OpenSslFree {
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
};
template <typename T>
using OpenSslPtr = std::unique_ptr<T, OpenSslFree>;

struct SelfSigned {
  OpenSslPtr<EVP_PKEY> key;
  OpenSslPtr<X509> certificate;
};

inline SelfSigned self_signed() {
  SelfSigned made{OpenSslPtr<EVP_PKEY>(EVP_EC_gen("P-256")), OpenSslPtr<X509>(X509_new())};
  X509* x = made.certificate.get();
  X509_gmtime_adj(X509_getm_notBefore(x), 0);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_set_pubkey(x, made.key.get());
  if (X509_sign(x, made.key.get(), EVP_sha256()) == 0) std::abort();
  return made;
}

class TlsPair {
 public:
  explicit TlsPair(const TestSuite& suite)
      : client_context_(context(TLS_client_method(), suite)),
        server_context_(context(TLS_server_method(), suite)) {
    use_certificate(server_context_.get());
    connect();
  }

  SSL* client() const { return client_.get(); }
  SSL* server() const { return server_.get(); }

  // False when it fails.
  bool handshake() {
    for (int turn = 0; turn < 10; turn++) {
      SSL_do_handshake(client());
      move(client(), server());
      const bool was_open = SSL_in_init(server()) != 0;
      SSL_do_handshake(server());
      const bool completed = was_open && SSL_is_init_finished(server());
      // TLS 1.2 ends with the server's Finished, which the client waits for.
      const std::string sent = taken(server());
      if (completed) last_flight_ = sent;
      give(client(), sent);
      if (completed) return SSL_do_handshake(client()) == 1;
    }
    return false;
  }

  // A new connection that takes the session of the present one up again.
  bool resume() {
    read(client());  // tickets of TLS 1.3
    const OpenSslPtr<SSL_SESSION> session(SSL_get1_session(client()));
    // OpenSSL forgets the session of a connection that was not closed in order.
    for (SSL* ssl : {client(), server()}) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    keylog_.clear();
    connect();
    SSL_set_session(client(), session.get());
    return handshake() && SSL_session_reused(server()) == 1;
  }

  // What the server sent in the step that completed its handshake: tickets; in TLS 1.2 also its Finished.
  const std::string& last_flight() const { return last_flight_; }
  // The line of the keylog with that label; the same for both sides.
  std::string keylog(std::string_view label) const {
    for (const std::string& line : keylog_) {
      if (line.substr(0, label.size() + 1) == std::string(label) + " ") return line;
    }
    return "";
  }

  // Bytes from one side's wire, and onto it.
  static std::string taken(SSL* from) {
    std::string bytes(BIO_ctrl_pending(SSL_get_wbio(from)), '\0');
    if (!bytes.empty()) BIO_read(SSL_get_wbio(from), bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  static void give(SSL* to, std::string_view bytes) {
    if (!bytes.empty()) BIO_write(SSL_get_rbio(to), bytes.data(), static_cast<int>(bytes.size()));
  }
  static std::string read(SSL* from) {
    std::string bytes(1 << 16, '\0');
    const int size = SSL_read(from, bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return bytes;
  }
  static std::string written(SSL* from, std::string_view data) {
    if (SSL_write(from, data.data(), static_cast<int>(data.size())) <= 0) std::abort();
    return taken(from);
  }

 private:
  static void move(SSL* from, SSL* to) { give(to, taken(from)); }

  static OpenSslPtr<SSL_CTX> context(const SSL_METHOD* method, const TestSuite& suite) {
    OpenSslPtr<SSL_CTX> made(SSL_CTX_new(method));
    SSL_CTX* c = made.get();
    const bool tls13 = suite.version == TlsVersion::tls13;
    SSL_CTX_set_min_proto_version(c, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(c, tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    // Level 0: the suites with a short tag are offered too, to be told apart.
    SSL_CTX_set_security_level(c, 0);
    const int listed =
        tls13 ? SSL_CTX_set_ciphersuites(c, suite.name) : SSL_CTX_set_cipher_list(c, suite.name);
    if (listed != 1) std::abort();
    SSL_CTX_set_keylog_callback(c, [](const SSL* ssl, const char* line) {
      static_cast<TlsPair*>(SSL_get_app_data(ssl))->keylog_.emplace_back(line);
    });
    return made;
  }

  void connect() {
    client_ = start(client_context_.get());
    server_ = start(server_context_.get());
    SSL_set_connect_state(client());
    SSL_set_accept_state(server());
  }

  OpenSslPtr<SSL> start(SSL_CTX* context) {
    OpenSslPtr<SSL> ssl(SSL_new(context));
    SSL_set_app_data(ssl.get(), this);
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
  }

  static void use_certificate(SSL_CTX* context) {
    const SelfSigned made = self_signed();
    if (SSL_CTX_use_certificate(context, made.certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, made.key.get()) != 1) {
      std::abort();
    }
  }

  OpenSslPtr<SSL_CTX> client_context_, server_context_;
  OpenSslPtr<SSL> client_, server_;
  std::string last_flight_;
  std::vector<std::string> keylog_;
};

// The records of a stretch of the wire, headers included.
inline std::vector<std::string> records_of(std::string_view wire) {
  std::vector<std::string> records;
  while (wire.size() >= 5) {
    const size_t length =
        static_cast<size_t>(static_cast<uint8_t>(wire[3])) << 8 | static_cast<uint8_t>(wire[4]);
    records.emplace_back(wire.substr(0, 5 + length));
    wire.remove_prefix(std::min(wire.size(), 5 + length));
  }
  return records;
}

}  // namespace sealgate
