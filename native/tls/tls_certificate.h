// Reads certificate files: the chain, and the OCSP response to staple.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

namespace sealgate {

struct X509Free {
  void operator()(X509* x509) const { X509_free(x509); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;

// A pem_password_cb that gives none: a server cannot ask anybody for a passphrase.
inline int no_passphrase(char*, int, int, void*) { return -1; }

// The first certificate of a PEM text; null when there is none.
X509Ptr read_leaf(const std::string& pem);
// Whether both have the same subject alternative names.
bool same_names(const X509* a, const X509* b);
bool use_certificate(SSL_CTX* context, const std::string& pem);
// Sets the CAs whose client certificates are accepted, and sends clients the CAs' names.
bool use_client_ca(SSL_CTX* context, const std::string& pem);
// Whether the bytes are a successful OCSP response. *until is its expiry in seconds since the epoch.
bool check_ocsp(const std::string& der, int64_t* until);
// "CN=build,O=Example" (RFC 2253) of the client's certificate; empty without one.
std::string peer_subject(const SSL* ssl);

}  // namespace sealgate
