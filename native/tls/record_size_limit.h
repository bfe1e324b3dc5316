// The extension record_size_limit (RFC 8449), which OpenSSL does not support, and what it means for
// max_fragment_length (RFC 6066 4), which OpenSSL always answers.
#pragma once

#include <openssl/ssl.h>

namespace sealgate {

// Connections of the context answer record_size_limit and report the client's limit to their TlsObserver. To
// a client that offers both extensions, max_fragment_length is not answered (RFC 8449 5).
void install_record_size_limit(SSL_CTX* context);

}  // namespace sealgate
