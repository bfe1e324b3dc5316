#include "tls/record_size_limit.h"

#include <openssl/asn1.h>
#include <openssl/err.h>

#include <algorithm>
#include <vector>

#include "tls/tls_context.h"

namespace sealgate {
namespace {

constexpr unsigned int kRecordSizeLimit = 28;
constexpr unsigned int kExtensionContext =
    SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_ENCRYPTED_EXTENSIONS;

bool has_fragment_length(const SSL_SESSION* session) {
  return session && SSL_SESSION_get_max_fragment_length(session) != TLSEXT_max_fragment_length_DISABLED;
}

// The INTEGER max_fragment_length in a session's encoding (SSL_SESSION_ASN1 of OpenSSL's ssl_asn1.c), which
// is one byte; null when it is not there.
unsigned char* fragment_length_in(std::vector<unsigned char>& der) {
  const unsigned char* at = der.data();
  const unsigned char* const end = at + der.size();
  long size;
  int tag, kind;
  const auto enter = [&] {  // to the content of the element that begins here
    constexpr int kMalformed = 0x80;
    return (ASN1_get_object(&at, &size, &tag, &kind, end - at) & kMalformed) == 0 && size <= end - at;
  };
  constexpr int kFragmentLength = 17;
  if (!enter() || tag != V_ASN1_SEQUENCE) return nullptr;
  while (at < end && enter()) {
    if (kind != V_ASN1_CONTEXT_SPECIFIC || tag != kFragmentLength) {
      at += size;
      continue;
    }
    return enter() && tag == V_ASN1_INTEGER && size == 1 ? der.data() + (at - der.data()) : nullptr;
  }
  return nullptr;
}

// No function of OpenSSL takes max_fragment_length out of a session, but decoding overwrites a session in
// place. Where that fails the session stays as it was.
void forget_fragment_length(SSL* ssl) {
  SSL_SESSION* session = SSL_get_session(ssl);
  // Only a session with a cipher can be encoded. A new one has none yet, and gets the one that is negotiated.
  const SSL_CIPHER* const cipher = SSL_SESSION_get0_cipher(session);
  if (!cipher) SSL_SESSION_set_cipher(session, sk_SSL_CIPHER_value(SSL_get_ciphers(ssl), 0));
  const int size = i2d_SSL_SESSION(session, nullptr);
  std::vector<unsigned char> der(static_cast<size_t>(std::max(size, 0)));
  unsigned char* out = der.data();
  if (size > 0 && i2d_SSL_SESSION(session, &out) == size) {
    if (unsigned char* const length = fragment_length_in(der)) {
      *length = TLSEXT_max_fragment_length_DISABLED;
      const unsigned char* in = der.data();
      d2i_SSL_SESSION(&session, &in, size);
    }
  }
  OPENSSL_cleanse(der.data(), der.size());  // a resumed session has a secret
  SSL_SESSION_set_cipher(session, cipher);
  ERR_clear_error();
}

// Sends the largest limit that every implementation must accept, including TLS 1.3's type byte.
int add_limit(SSL* ssl, unsigned int, unsigned int, const unsigned char** out, size_t* size, X509*, size_t,
              int*, void*) {
  static constexpr unsigned char kTls12[] = {0x40, 0x00}, kTls13[] = {0x40, 0x01};
  // A client must not get both extensions, and OpenSSL answers what is left in the session.
  if (has_fragment_length(SSL_get_session(ssl))) return 0;
  *out = SSL_version(ssl) == TLS1_3_VERSION ? kTls13 : kTls12;
  *size = 2;
  return 1;
}

// OpenSSL parses max_fragment_length before this, and uses it after this.
int parse_limit(SSL* ssl, unsigned int, unsigned int, const unsigned char* in, size_t size, X509*, size_t,
                int* alert, void*) {
  const size_t limit = size == 2 ? static_cast<size_t>(in[0]) << 8 | in[1] : 0;
  constexpr size_t kLeast = 64;
  if (limit < kLeast) {
    *alert = size == 2 ? SSL_AD_ILLEGAL_PARAMETER : SSL_AD_DECODE_ERROR;
    return 0;
  }
  if (has_fragment_length(SSL_get_session(ssl))) forget_fragment_length(ssl);
  const size_t most = limit - 1;  // TLS 1.3 counts the type; one byte less does TLS 1.2 no harm
  static_cast<TlsObserver*>(SSL_get_app_data(ssl))->on_record_size_limit(most);
  // Limits the handshake's own messages. OpenSSL accepts no value below 512.
  SSL_set_max_send_fragment(ssl, static_cast<long>(std::clamp<size_t>(most, 512, SSL3_RT_MAX_PLAIN_LENGTH)));
  return 1;
}

}  // namespace

void install_record_size_limit(SSL_CTX* context) {
  SSL_CTX_add_custom_ext(context, kRecordSizeLimit, kExtensionContext, add_limit, nullptr, nullptr,
                         parse_limit, nullptr);
}

}  // namespace sealgate
