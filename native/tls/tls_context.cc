#include "tls/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "tls/ktls.h"
#include "tls/record_size_limit.h"
#include "tls/ticket_keys.h"
#include "tls/tls_certificate.h"

namespace sealgate {
namespace {

constexpr std::string_view kHttp1("\x08http/1.1"), kBoth("\x02h2\x08http/1.1");
constexpr long kSessionSeconds = 7200;

TlsObserver* observer_of(const SSL* ssl) { return static_cast<TlsObserver*>(SSL_get_app_data(ssl)); }

// Whether HTTP/2 may be spoken with the chosen cipher: TLS 1.2 without ephemeral keys or AEAD is not secure
// enough for it (RFC 9113 9.2.2), and the engine itself must protect the records.
bool suits_http2(const SSL* ssl) {
  const SSL_CIPHER* const cipher = SSL_get_pending_cipher(ssl);
  if (!cipher || !aead_of(cipher)) return false;
  return SSL_version(ssl) == TLS1_3_VERSION || SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe ||
         SSL_CIPHER_get_kx_nid(cipher) == NID_kx_dhe;
}

// Picks h2 where the listener has it, else http/1.1. A client that offers neither is refused (RFC 7301 3.2).
int select_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void*) {
  const std::string_view ours = observer_of(ssl)->offers_http2() && suits_http2(ssl) ? kBoth : kHttp1;
  unsigned char* chosen;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Open as long as the process, because KeyUpdates are logged for connections that outlive their context.
int keylog_fd = -1;

void keylog(const SSL* ssl, const char* line) {
  observer_of(ssl)->on_keylog(line);
  if (keylog_fd < 0) return;
  char newline = '\n';
  const iovec pieces[] = {{const_cast<char*>(line), std::strlen(line)}, {&newline, 1}};
  (void)!::writev(keylog_fd, pieces, 2);
}

// OpenSSL reports each record header read or written, and each whole message.
void message(int written, int, int content_type, const void* data, size_t size, SSL* ssl, void*) {
  TlsObserver* observer = observer_of(ssl);
  const auto* bytes = static_cast<const unsigned char*>(data);
  // RFC 8446 4: type, 24-bit length; a KeyUpdate has one byte more.
  constexpr unsigned char kNewSessionTicket = 4, kKeyUpdate = 24;
  switch (content_type) {
    case SSL3_RT_HEADER: return observer->on_record(written == 1, bytes[0]);
    case SSL3_RT_HANDSHAKE:
      if (!written && size == 5 && bytes[0] == kKeyUpdate) observer->on_key_update_received();
      if (written && size > 0 && bytes[0] == kNewSessionTicket)
        observer->on_ticket_written({static_cast<const char*>(data), size});
      return;
    case SSL3_RT_ALERT:
      if (written && size == 2) observer->on_alert_written(bytes[0], bytes[1]);
      return;
    default: return;
  }
}

std::string openssl_reason(const std::string& setting) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return setting + ": " + (reason ? reason : "not accepted");
}

bool open_keylog(const std::string& path) {
  if (path.empty() || keylog_fd >= 0) return true;
  // Handshakes write to it: a FIFO or device could make a reactor wait.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Fd file(::open(path.c_str(), kFlags, 0600));
  struct stat found {};
  if (!file || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return false;
  keylog_fd = ::fcntl(file.get(), F_DUPFD_CLOEXEC, 3);
  return keylog_fd >= 0;
}

// Returns the first setting that OpenSSL rejects, or null.
const char* apply_policy(SSL_CTX* context, const TlsOptions& options) {
  const int minimum = options.min_version == "TLSv1.3" ? TLS1_3_VERSION : TLS1_2_VERSION;
  if (SSL_CTX_set_min_proto_version(context, minimum) != 1) return "tls.minVersion";
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    return "tls.ciphers";
  }
  if (!options.cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(context, options.cipher_suites.c_str()) != 1) {
    return "tls.cipherSuites";
  }
  if (!options.groups.empty() && SSL_CTX_set1_groups_list(context, options.groups.c_str()) != 1)
    return "tls.groups";
  // OpenSSL sends no tickets with the handshake; Channel decides when they are sent.
  if (SSL_CTX_set_num_tickets(context, 0) != 1) return "tls.tickets";
  if (options.tickets == 0) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  if (options.clients == ClientCertificates::none) return nullptr;
  const bool required = options.clients == ClientCertificates::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return use_client_ca(context, options.client_ca) ? nullptr : "tls.clients.ca";
}

void apply_defaults(SSL_CTX* context) {
  // Sessions resume only by tickets, so reactors share no state but the ticket keys.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("sealgate"), 8);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  TicketKeys::install(context);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  // Lets OpenSSL read a record's header and body in one call.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  install_record_size_limit(context);
  SSL_CTX_set_keylog_callback(context, keylog);
}

}  // namespace

// One certificate with its policy; a context may have several.
struct TlsContext::Host {
  Host() : context(SSL_CTX_new(TLS_server_method())) {}
  ~Host() { SSL_CTX_free(context); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  SSL_CTX* context;
  X509Ptr leaf;
};

// An OCSP response and the certificate that it is for.
struct TlsContext::Staple {
  X509Ptr leaf;
  std::string response;
  int64_t until = 0;
};

TlsContext::TlsContext() = default;
TlsContext::~TlsContext() = default;

std::unique_ptr<TlsContext> TlsContext::create(const TlsOptions& options, std::string* failure) {
  if (!open_keylog(options.keylog_file)) {
    *failure = options.keylog_file + ": cannot be opened for the key log, which has to be an ordinary file";
    return nullptr;
  }
  std::unique_ptr<TlsContext> made(new TlsContext());
  made->tickets_ = options.tickets;
  for (const CertificateOptions& certificate : options.certificates) {
    ERR_clear_error();
    if (!made->add(certificate, options, failure)) return nullptr;
  }
  if (made->hosts_.empty()) *failure = "tls: no certificate";
  return made->hosts_.empty() ? nullptr : std::move(made);
}

bool TlsContext::add(const CertificateOptions& certificate, const TlsOptions& options, std::string* failure) {
  const auto refuse = [&](const std::string& what) {
    *failure = openssl_reason(what);
    return false;
  };
  X509Ptr leaf = read_leaf(certificate.certificate);
  if (!leaf) return refuse(certificate.name);
  Host* host = twin_of(leaf.get());
  if (!host) {
    host = hosts_.emplace_back(std::make_unique<Host>()).get();
    if (!host->context) return refuse("SSL_CTX_new");
    apply_defaults(host->context);
    if (const char* setting = apply_policy(host->context, options)) return refuse(setting);
    SSL_CTX_set_tlsext_servername_callback(host->context, select_host);
    SSL_CTX_set_tlsext_servername_arg(host->context, this);
    SSL_CTX_set_tlsext_status_cb(host->context, TlsContext::staple);
    SSL_CTX_set_tlsext_status_arg(host->context, this);
    host->leaf = std::move(leaf);
  }
  if (!use_certificate(host->context, certificate.certificate)) return refuse(certificate.name);
  if (!certificate.key || SSL_CTX_use_PrivateKey(host->context, certificate.key.get()) != 1 ||
      SSL_CTX_check_private_key(host->context) != 1) {
    return refuse(certificate.name + ": its key does not belong to it");
  }
  if (certificate.ocsp.empty()) return true;
  Staple& staple = staples_.emplace_back(Staple{read_leaf(certificate.certificate), certificate.ocsp});
  if (!check_ocsp(certificate.ocsp, &staple.until)) return refuse("the OCSP response of " + certificate.name);
  return true;
}

// The host with the same names and another key type, of which OpenSSL picks what the client can verify.
TlsContext::Host* TlsContext::twin_of(X509* leaf) {
  for (const auto& host : hosts_) {
    const bool same_kind = EVP_PKEY_get_base_id(X509_get0_pubkey(host->leaf.get())) ==
                           EVP_PKEY_get_base_id(X509_get0_pubkey(leaf));
    if (!same_kind && same_names(host->leaf.get(), leaf)) return host.get();
  }
  return nullptr;
}

// Selects the first matching certificate in the operator's order, and further matching ones with other key
// types, of which OpenSSL picks what the client can verify.
int TlsContext::select_host(SSL* ssl, int*, void* self) {
  const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const std::string_view name = without_root(asked ? asked : "");
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;
  bool found = false;
  for (const auto& host : static_cast<TlsContext*>(self)->hosts_) {
    if (X509_check_host(host->leaf.get(), name.data(), name.size(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
                        nullptr) != 1)
      continue;
    if (!std::exchange(found, true)) {
      SSL_set_SSL_CTX(ssl, host->context);
      continue;
    }
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(host->context, &chain);
    constexpr int kOverride = 0;  // the first certificate of a key type stays
    SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(host->context), SSL_CTX_get0_privatekey(host->context),
                         chain, kOverride);
    ERR_clear_error();
  }
  return found ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// The status_request callback: staples the response unless it is stale.
int TlsContext::staple(SSL* ssl, void* self) {
  const X509* chosen = SSL_get_certificate(ssl);
  for (const Staple& staple : static_cast<TlsContext*>(self)->staples_) {
    if (!chosen || X509_cmp(staple.leaf.get(), chosen) != 0 || ::time(nullptr) >= staple.until) continue;
    auto* copy = static_cast<unsigned char*>(OPENSSL_memdup(staple.response.data(), staple.response.size()));
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(staple.response.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

SSL* TlsContext::new_ssl(TlsObserver* observer) const {
  SSL* ssl = SSL_new(hosts_.front()->context);
  if (!ssl) return nullptr;
  SSL_set_app_data(ssl, observer);
  SSL_set_msg_callback(ssl, message);
  SSL_set_accept_state(ssl);
  return ssl;
}

}  // namespace sealgate
