#include "tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cstring>

namespace sealgate {
namespace {

constexpr unsigned char kAlpn[] = "\x08http/1.1";

// Picks http/1.1. A client that offers ALPN without it is refused (RFC 7301 3.2).
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  unsigned char* chosen;
  const int result = SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof kAlpn - 1, offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

TlsObserver* observer_of(const SSL* ssl) { return static_cast<TlsObserver*>(SSL_get_app_data(ssl)); }

void keylog(const SSL* ssl, const char* line) { observer_of(ssl)->on_keylog(line); }

// OpenSSL reports each record header read or written, the true type of an encrypted record, and each whole
// message.
void message(int written, int, int content_type, const void* data, size_t size, SSL* ssl, void*) {
  TlsObserver* observer = observer_of(ssl);
  const auto* bytes = static_cast<const unsigned char*>(data);
  constexpr unsigned char kKeyUpdate = 24;  // RFC 8446 4: type, 24-bit length, request_update
  switch (content_type) {
    case SSL3_RT_HEADER: return observer->on_record(written == 1, bytes[0]);
    case SSL3_RT_INNER_CONTENT_TYPE:
      if (!written && bytes[0] == SSL3_RT_HANDSHAKE) observer->on_handshake_bytes(false);
      return;
    case SSL3_RT_HANDSHAKE:
      if (written) return;
      observer->on_handshake_bytes(true);
      if (size == 5 && bytes[0] == kKeyUpdate) observer->on_key_update_received(bytes[4] == 1);
      return;
    case SSL3_RT_ALERT:
      if (written && size == 2) observer->on_alert_written(bytes[0], bytes[1]);
      return;
    default: return;
  }
}

std::string openssl_reason(const char* setting) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return std::string(setting) + ": " + (reason ? reason : "not accepted");
}

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

bool use_certificate(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509* leaf = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr);
  if (!leaf) return false;
  bool ok = SSL_CTX_use_certificate(context, leaf) == 1;
  X509_free(leaf);
  while (ok) {
    X509* issuer = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    if (!issuer) break;
    ok = SSL_CTX_add0_chain_cert(context, issuer) == 1;
    if (!ok) X509_free(issuer);
  }
  ERR_clear_error();  // the end of the file is an error to the PEM reader
  return ok;
}

bool use_key(SSL_CTX* context, const std::string& pem) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr);
  const bool ok = key && SSL_CTX_use_PrivateKey(context, key) == 1;
  EVP_PKEY_free(key);
  return ok;
}

// The first setting that OpenSSL refuses, or null.
const char* apply(SSL_CTX* context, const TlsOptions& options) {
  const int minimum = options.min_version == "TLSv1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, minimum) != 1) return "tls.minVersion";
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    return "tls.ciphers";
  }
  if (!options.cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(context, options.cipher_suites.c_str()) != 1) {
    return "tls.cipherSuites";
  }
  if (!use_certificate(context, options.certificate)) return "tls.certificate";
  if (!use_key(context, options.key)) return "tls.key";
  if (SSL_CTX_check_private_key(context) != 1) return "tls.key does not belong to tls.certificate";
  std::string ticket_key = options.ticket_key;
  const long ok =
      SSL_CTX_set_tlsext_ticket_keys(context, ticket_key.data(), static_cast<long>(ticket_key.size()));
  OPENSSL_cleanse(ticket_key.data(), ticket_key.size());
  return ok == 1 ? nullptr : "tls.ticketKey";
}

}  // namespace

std::unique_ptr<TlsContext> TlsContext::create(const TlsOptions& options, bool secrets,
                                               std::string* failure) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (!context) {
    *failure = openssl_reason("SSL_CTX_new");
    return nullptr;
  }
  std::unique_ptr<TlsContext> made(new TlsContext(context));
  // Resumption is by tickets alone, so no state is shared between reactors but the ticket key.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("sealgate"), 8);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  // One recv(2) for the record header, its body and whatever follows.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  if (secrets) SSL_CTX_set_keylog_callback(context, keylog);
  if (const char* refused = apply(context, options)) {
    *failure = openssl_reason(refused);
    return nullptr;
  }
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

SSL* TlsContext::new_ssl(TlsObserver* observer) const {
  SSL* ssl = SSL_new(context_);
  if (!ssl) return nullptr;
  SSL_set_app_data(ssl, observer);
  SSL_set_msg_callback(ssl, message);
  SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace sealgate
