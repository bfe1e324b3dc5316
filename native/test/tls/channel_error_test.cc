// Every errno and OpenSSL reason has its class, and every class a name of its own.
#include "tls/channel_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <set>
#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

// Those that ssl/*.c, ssl/record and ssl/statem of OpenSSL 3.0 give to SSLfatal() on a TLS server's paths.
constexpr int kReasonsOfClients[] = {SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY,
                                     SSL_R_APP_DATA_IN_HANDSHAKE,
                                     SSL_R_BAD_CHANGE_CIPHER_SPEC,
                                     SSL_R_BAD_CIPHER,
                                     SSL_R_BAD_DECOMPRESSION,
                                     SSL_R_BAD_DIGEST_LENGTH,
                                     SSL_R_BAD_EARLY_DATA,
                                     SSL_R_BAD_ECPOINT,
                                     SSL_R_BAD_EXTENSION,
                                     SSL_R_BAD_HANDSHAKE_LENGTH,
                                     SSL_R_BAD_HANDSHAKE_STATE,
                                     SSL_R_BAD_KEY_SHARE,
                                     SSL_R_BAD_KEY_UPDATE,
                                     SSL_R_BAD_LENGTH,
                                     SSL_R_BAD_PACKET,
                                     SSL_R_BAD_PROTOCOL_VERSION_NUMBER,
                                     SSL_R_BAD_PSK,
                                     SSL_R_BAD_RECORD_TYPE,
                                     SSL_R_BAD_SIGNATURE,
                                     SSL_R_BAD_WRITE_RETRY,
                                     SSL_R_BINDER_DOES_NOT_VERIFY,
                                     SSL_R_BIO_NOT_SET,
                                     SSL_R_CALLBACK_FAILED,
                                     SSL_R_CA_DN_LENGTH_MISMATCH,
                                     SSL_R_CCS_RECEIVED_EARLY,
                                     SSL_R_CERT_CB_ERROR,
                                     SSL_R_CERT_LENGTH_MISMATCH,
                                     SSL_R_CLIENTHELLO_TLSEXT,
                                     SSL_R_COMPRESSED_LENGTH_TOO_LONG,
                                     SSL_R_COMPRESSION_FAILURE,
                                     SSL_R_COOKIE_MISMATCH,
                                     SSL_R_COPY_PARAMETERS_FAILED,
                                     SSL_R_DATA_BETWEEN_CCS_AND_FINISHED,
                                     SSL_R_DATA_LENGTH_TOO_LONG,
                                     SSL_R_DECRYPTION_FAILED,
                                     SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC,
                                     SSL_R_DH_KEY_TOO_SMALL,
                                     SSL_R_DH_PUBLIC_VALUE_LENGTH_IS_WRONG,
                                     SSL_R_DIGEST_CHECK_FAILED,
                                     SSL_R_ENCRYPTED_LENGTH_TOO_LONG,
                                     SSL_R_ERROR_IN_RECEIVED_CIPHER_LIST,
                                     SSL_R_EXCEEDS_MAX_FRAGMENT_SIZE,
                                     SSL_R_EXCESSIVE_MESSAGE_SIZE,
                                     SSL_R_GOT_A_FIN_BEFORE_A_CCS,
                                     SSL_R_HTTPS_PROXY_REQUEST,
                                     SSL_R_HTTP_REQUEST,
                                     SSL_R_ILLEGAL_POINT_COMPRESSION,
                                     SSL_R_INAPPROPRIATE_FALLBACK,
                                     SSL_R_INCONSISTENT_COMPRESSION,
                                     SSL_R_INCONSISTENT_EXTMS,
                                     SSL_R_INVALID_ALERT,
                                     SSL_R_INVALID_CCS_MESSAGE,
                                     SSL_R_INVALID_COMPRESSION_ALGORITHM,
                                     SSL_R_INVALID_CONTEXT,
                                     SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED,
                                     SSL_R_LENGTH_MISMATCH,
                                     SSL_R_LENGTH_TOO_SHORT,
                                     SSL_R_LIBRARY_BUG,
                                     SSL_R_MISSING_PSK_KEX_MODES_EXTENSION,
                                     SSL_R_MISSING_RSA_CERTIFICATE,
                                     SSL_R_MISSING_SIGALGS_EXTENSION,
                                     SSL_R_MISSING_SUPPORTED_GROUPS_EXTENSION,
                                     SSL_R_MISSING_TMP_DH_KEY,
                                     SSL_R_MISSING_TMP_ECDH_KEY,
                                     SSL_R_MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA,
                                     SSL_R_NOT_ON_RECORD_BOUNDARY,
                                     SSL_R_NO_APPLICATION_PROTOCOL,
                                     SSL_R_NO_CERTIFICATES_RETURNED,
                                     SSL_R_NO_CIPHERS_SPECIFIED,
                                     SSL_R_NO_COMPRESSION_SPECIFIED,
                                     SSL_R_NO_PROTOCOLS_AVAILABLE,
                                     SSL_R_NO_RENEGOTIATION,
                                     SSL_R_NO_REQUIRED_DIGEST,
                                     SSL_R_NO_SHARED_CIPHER,
                                     SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
                                     SSL_R_NO_SUITABLE_DIGEST_ALGORITHM,
                                     SSL_R_NO_SUITABLE_KEY_SHARE,
                                     SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
                                     SSL_R_OVERFLOW_ERROR,
                                     SSL_R_PACKET_LENGTH_TOO_LONG,
                                     SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
                                     SSL_R_PIPELINE_FAILURE,
                                     SSL_R_POST_HANDSHAKE_AUTH_ENCODING_ERR,
                                     SSL_R_PSK_IDENTITY_NOT_FOUND,
                                     SSL_R_READ_BIO_NOT_SET,
                                     SSL_R_RECORD_LENGTH_MISMATCH,
                                     SSL_R_RECORD_TOO_SMALL,
                                     SSL_R_RENEGOTIATION_ENCODING_ERR,
                                     SSL_R_RENEGOTIATION_MISMATCH,
                                     SSL_R_REQUIRED_CIPHER_MISSING,
                                     SSL_R_REQUIRED_COMPRESSION_ALGORITHM_MISSING,
                                     SSL_R_SCSV_RECEIVED_WHEN_RENEGOTIATING,
                                     SSL_R_SESSION_ID_CONTEXT_UNINITIALIZED,
                                     SSL_R_SIGNATURE_FOR_NON_SIGNING_CERTIFICATE,
                                     SSL_R_SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH,
                                     SSL_R_SSL_SESSION_ID_CALLBACK_FAILED,
                                     SSL_R_SSL_SESSION_ID_CONFLICT,
                                     SSL_R_SSL_SESSION_ID_HAS_BAD_LENGTH,
                                     SSL_R_TLS_INVALID_ECPOINTFORMAT_LIST,
                                     SSL_R_TOO_MANY_WARN_ALERTS,
                                     SSL_R_UNABLE_TO_FIND_ECDH_PARAMETERS,
                                     SSL_R_UNEXPECTED_CCS_MESSAGE,
                                     SSL_R_UNEXPECTED_EOF_WHILE_READING,
                                     SSL_R_UNEXPECTED_MESSAGE,
                                     SSL_R_UNEXPECTED_RECORD,
                                     SSL_R_UNKNOWN_ALERT_TYPE,
                                     SSL_R_UNKNOWN_CERTIFICATE_TYPE,
                                     SSL_R_UNKNOWN_CIPHER_TYPE,
                                     SSL_R_UNKNOWN_DIGEST,
                                     SSL_R_UNKNOWN_KEY_EXCHANGE_TYPE,
                                     SSL_R_UNKNOWN_PROTOCOL,
                                     SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
                                     SSL_R_UNSOLICITED_EXTENSION,
                                     SSL_R_UNSUPPORTED_ELLIPTIC_CURVE,
                                     SSL_R_UNSUPPORTED_PROTOCOL,
                                     SSL_R_UNSUPPORTED_SSL_VERSION,
                                     SSL_R_WRONG_CURVE,
                                     SSL_R_WRONG_SIGNATURE_TYPE,
                                     SSL_R_WRONG_SSL_VERSION,
                                     SSL_R_WRONG_VERSION_NUMBER};

TEST_CASE("each errno of a socket has its class") {
  const std::pair<int, ChannelError> cases[] = {{EBADMSG, ChannelError::bad_record_mac},
                                                {EMSGSIZE, ChannelError::record_overflow},
                                                {EINVAL, ChannelError::protocol_version},
                                                {EKEYEXPIRED, ChannelError::key_expired},
                                                {EIO, ChannelError::io},
                                                {ENOTCONN, ChannelError::not_connected},
                                                {ECONNRESET, ChannelError::reset},
                                                {EPIPE, ChannelError::broken_pipe},
                                                {ETIMEDOUT, ChannelError::timed_out},
                                                {ENETUNREACH, ChannelError::timed_out},
                                                {ENOMEM, ChannelError::out_of_memory},
                                                {ECONNREFUSED, ChannelError::reset},
                                                {EPERM, ChannelError::not_permitted},
                                                {EKEYREJECTED, ChannelError::cipher_failed},
                                                {EFAULT, ChannelError::internal},
                                                {ESTALE, ChannelError::io},
                                                {EDOM, ChannelError::other}};
  for (const auto& [error, expected] : cases) {
    INFO(std::to_string(error));
    CHECK_EQ(static_cast<int>(channel_error_of_errno(error)), static_cast<int>(expected));
  }
}

TEST_CASE("each reason of OpenSSL has its class") {
  const std::pair<unsigned long, ChannelError> cases[] = {
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC), ChannelError::bad_record_mac},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER), ChannelError::no_shared_cipher},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_UNSUPPORTED_PROTOCOL), ChannelError::protocol_version},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_HTTP_REQUEST), ChannelError::not_tls},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA), ChannelError::alert_received},
      {ERR_PACK(ERR_LIB_X509, 0, 1), ChannelError::certificate},
      {ERR_PACK(ERR_LIB_EC, 0, 1), ChannelError::illegal_message},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_INAPPROPRIATE_FALLBACK), ChannelError::protocol_version},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_BINDER_DOES_NOT_VERIFY), ChannelError::illegal_message},
      {ERR_PACK(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR), ChannelError::internal},
      {ERR_PACK(ERR_LIB_EVP, 0, ERR_R_MALLOC_FAILURE), ChannelError::out_of_memory},
      {ERR_PACK(ERR_LIB_BIO, 0, 1), ChannelError::internal},
      {ERR_PACK(ERR_LIB_CRYPTO, 0, 1), ChannelError::internal},
      {ERR_PACK(ERR_LIB_USER, 0, 1), ChannelError::other},
      {ERR_PACK(ERR_LIB_SSL, 0, 998), ChannelError::other},
      {0, ChannelError::other}};
  for (const auto& [code, expected] : cases) {
    INFO(std::to_string(code));
    CHECK_EQ(static_cast<int>(channel_error_of_openssl(code)), static_cast<int>(expected));
  }
}

// recv(2), send(2), sendfile(2), setsockopt(2), tcp(7), ip(7) and the kernel's table of ICMP errors.
TEST_CASE("no errno that a connection's system calls document is of class other") {
  const int documented[] = {EACCES,      EADDRNOTAVAIL, EAFNOSUPPORT, EALREADY,   EBADF,        EBADMSG,
                            EBUSY,       ECONNABORTED,  ECONNREFUSED, ECONNRESET, EDESTADDRREQ, EFAULT,
                            EHOSTDOWN,   EHOSTUNREACH,  EINVAL,       EIO,        EISCONN,      EKEYEXPIRED,
                            EMSGSIZE,    ENETDOWN,      ENETUNREACH,  ENOBUFS,    ENOMEM,       ENONET,
                            ENOPROTOOPT, ENOTCONN,      ENOTSOCK,     EOPNOTSUPP, EOVERFLOW,    EPERM,
                            EPIPE,       EPROTO,        ESPIPE,       ETIMEDOUT};
  for (const int error : documented) {
    INFO(std::to_string(error));
    CHECK(channel_error_of_errno(error) != ChannelError::other);
  }
}

TEST_CASE("no reason that a client can cause is of class other") {
  for (const int reason : kReasonsOfClients) {
    INFO(std::to_string(reason));
    CHECK(channel_error_of_openssl(ERR_PACK(ERR_LIB_SSL, 0, reason)) != ChannelError::other);
  }
}

TEST_CASE("every alert of the peer is of class alert-received") {
  for (int alert = 0; alert < 256; alert++) {
    CHECK(channel_error_of_openssl(ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + alert)) ==
          ChannelError::alert_received);
  }
}

TEST_CASE("no library of OpenSSL that a connection uses is of class other") {
  for (const int library :
       {ERR_LIB_SYS,  ERR_LIB_BN,     ERR_LIB_RSA,  ERR_LIB_DH,     ERR_LIB_EVP,    ERR_LIB_BUF,
        ERR_LIB_OBJ,  ERR_LIB_DSA,    ERR_LIB_X509, ERR_LIB_ASN1,   ERR_LIB_CRYPTO, ERR_LIB_EC,
        ERR_LIB_BIO,  ERR_LIB_X509V3, ERR_LIB_RAND, ERR_LIB_ENGINE, ERR_LIB_ECDSA,  ERR_LIB_ECDH,
        ERR_LIB_HMAC, ERR_LIB_KDF,    ERR_LIB_PROP, ERR_LIB_PROV}) {
    INFO(std::to_string(library));
    const unsigned long code = library == ERR_LIB_SYS ? ERR_SYSTEM_FLAG | EPIPE : ERR_PACK(library, 0, 100);
    CHECK(channel_error_of_openssl(code) != ChannelError::other);
  }
}

TEST_CASE("each class of errors has its name") {
  std::set<std::string> names;
  for (size_t i = 0; i < static_cast<size_t>(ChannelError::count_); i++) {
    const std::string name(channel_error_name(static_cast<ChannelError>(i)));
    CHECK(!name.empty());
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == name.npos);
    CHECK(names.insert(name).second);
  }
}

}  // namespace
}  // namespace sealgate
