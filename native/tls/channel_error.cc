#include "tls/channel_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

namespace sealgate {

std::string_view channel_error_name(ChannelError error) {
  switch (error) {
    case ChannelError::bad_record_mac: return "bad-record-mac";
    case ChannelError::record_overflow: return "record-overflow";
    case ChannelError::unexpected_message: return "unexpected-message";
    case ChannelError::illegal_message: return "illegal-message";
    case ChannelError::protocol_version: return "protocol-version";
    case ChannelError::no_shared_cipher: return "no-shared-cipher";
    case ChannelError::no_shared_protocol: return "no-shared-protocol";
    case ChannelError::certificate: return "certificate";
    case ChannelError::not_tls: return "not-tls";
    case ChannelError::handshake_cut: return "handshake-cut";
    case ChannelError::alert_received: return "alert-received";
    case ChannelError::key_expired: return "key-expired";
    case ChannelError::key_update_flood: return "key-update-flood";
    case ChannelError::key_update_failed: return "key-update-failed";
    case ChannelError::io: return "io";
    case ChannelError::not_connected: return "not-connected";
    case ChannelError::reset: return "reset";
    case ChannelError::broken_pipe: return "broken-pipe";
    case ChannelError::timed_out: return "timed-out";
    case ChannelError::not_permitted: return "not-permitted";
    case ChannelError::out_of_memory: return "out-of-memory";
    case ChannelError::cipher_failed: return "cipher-failed";
    case ChannelError::internal: return "internal";
    case ChannelError::other: return "other";
    case ChannelError::count_: break;
  }
  return "";
}

bool client_left(ChannelError error) {
  switch (error) {
    case ChannelError::handshake_cut:
    case ChannelError::not_connected:
    case ChannelError::reset:
    case ChannelError::broken_pipe:
    case ChannelError::timed_out: return true;
    default: return false;
  }
}

ChannelError channel_error_of_errno(int error) {
  switch (error) {
    case EBADMSG: return ChannelError::bad_record_mac;
    case EMSGSIZE: return ChannelError::record_overflow;
    case EINVAL: return ChannelError::protocol_version;
    case EKEYEXPIRED: return ChannelError::key_expired;
    case EKEYREJECTED: return ChannelError::cipher_failed;  // by the engine's own record layer
    case EIO:
    case ENODATA:
    case ENODEV:
    case ENXIO:
    case EREMOTEIO:
    case ESTALE:
    case EUCLEAN: return ChannelError::io;
    case ENOTCONN: return ChannelError::not_connected;
    case ECONNABORTED:
    case ECONNREFUSED:
    case ECONNRESET: return ChannelError::reset;
    case EPIPE: return ChannelError::broken_pipe;
    // The errors that ICMP brings are among these.
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENONET:
    case ENOPROTOOPT:
    case EPROTO: return ChannelError::timed_out;
    case EACCES:
    case EPERM: return ChannelError::not_permitted;
    case ENOMEM:
    case ENOBUFS: return ChannelError::out_of_memory;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EALREADY:
    case EBADF:
    case EBUSY:
    case EDESTADDRREQ:
    case EFAULT:
    case EISCONN:
    case ENOSYS:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case EOVERFLOW:
    case ESPIPE: return ChannelError::internal;
    default: return ChannelError::other;
  }
}

namespace {

struct ReasonsOfClass {
  ChannelError error;
  std::initializer_list<int> reasons;
};

// Reasons of OpenSSL's library SSL that a server's connection can end with.
const ReasonsOfClass kReasons[] = {
    {ChannelError::bad_record_mac,
     {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, SSL_R_DECRYPTION_FAILED, SSL_R_BLOCK_CIPHER_PAD_IS_WRONG}},
    {ChannelError::record_overflow,
     {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, SSL_R_COMPRESSED_LENGTH_TOO_LONG, SSL_R_DATA_LENGTH_TOO_LONG,
      SSL_R_PACKET_LENGTH_TOO_LONG}},
    {ChannelError::unexpected_message,
     {SSL_R_UNEXPECTED_MESSAGE,
      SSL_R_UNEXPECTED_RECORD,
      SSL_R_UNEXPECTED_CCS_MESSAGE,
      SSL_R_UNEXPECTED_END_OF_EARLY_DATA,
      SSL_R_BAD_CHANGE_CIPHER_SPEC,
      SSL_R_BAD_RECORD_TYPE,
      SSL_R_INVALID_ALERT,
      SSL_R_RECORD_TOO_SMALL,
      SSL_R_TOO_MANY_WARN_ALERTS,
      SSL_R_TOO_MANY_KEY_UPDATES,
      SSL_R_TOO_MUCH_EARLY_DATA,
      SSL_R_NOT_ON_RECORD_BOUNDARY,
      SSL_R_MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA,
      SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY,
      SSL_R_APP_DATA_IN_HANDSHAKE,
      SSL_R_CCS_RECEIVED_EARLY,
      SSL_R_DATA_BETWEEN_CCS_AND_FINISHED,
      SSL_R_GOT_A_FIN_BEFORE_A_CCS,
      SSL_R_NO_RENEGOTIATION,
      SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
      SSL_R_SCSV_RECEIVED_WHEN_RENEGOTIATING}},
    {ChannelError::protocol_version,
     {SSL_R_UNKNOWN_PROTOCOL, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_SSL_VERSION, SSL_R_WRONG_VERSION_NUMBER,
      SSL_R_BAD_PROTOCOL_VERSION_NUMBER, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH,
      SSL_R_BAD_LEGACY_VERSION, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_INAPPROPRIATE_FALLBACK}},
    {ChannelError::not_tls, {SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST}},
    {ChannelError::handshake_cut, {SSL_R_UNEXPECTED_EOF_WHILE_READING}},
    {ChannelError::no_shared_cipher,
     {SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS,
      SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_CIPHERS_SPECIFIED,
      SSL_R_INSUFFICIENT_SECURITY, SSL_R_UNSUPPORTED_ELLIPTIC_CURVE, SSL_R_DH_KEY_TOO_SMALL,
      SSL_R_MISSING_TMP_ECDH_KEY, SSL_R_MISSING_TMP_DH_KEY, SSL_R_UNKNOWN_DIGEST, SSL_R_WRONG_SIGNATURE_TYPE,
      SSL_R_REQUIRED_CIPHER_MISSING, SSL_R_LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED,
      SSL_R_NO_SUITABLE_DIGEST_ALGORITHM}},
    {ChannelError::no_shared_protocol, {SSL_R_NO_APPLICATION_PROTOCOL}},
    {ChannelError::certificate,
     {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_R_BAD_SIGNATURE,
      SSL_R_NO_CERTIFICATES_RETURNED, SSL_R_CERT_LENGTH_MISMATCH, SSL_R_UNKNOWN_CERTIFICATE_TYPE,
      SSL_R_SIGNATURE_FOR_NON_SIGNING_CERTIFICATE, SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL,
      SSL_R_CA_MD_TOO_WEAK, SSL_R_WRONG_CERTIFICATE_TYPE}},
    {ChannelError::illegal_message,
     {SSL_R_BAD_KEY_UPDATE,
      SSL_R_BAD_LENGTH,
      SSL_R_BAD_EXTENSION,
      SSL_R_BAD_CIPHER,
      SSL_R_BAD_DATA,
      SSL_R_BAD_DECOMPRESSION,
      SSL_R_BAD_DIGEST_LENGTH,
      SSL_R_BAD_EARLY_DATA,
      SSL_R_BAD_ECPOINT,
      SSL_R_BAD_KEY_SHARE,
      SSL_R_BAD_PACKET,
      SSL_R_BAD_PSK,
      SSL_R_BAD_PSK_IDENTITY,
      SSL_R_BINDER_DOES_NOT_VERIFY,
      SSL_R_CA_DN_LENGTH_MISMATCH,
      SSL_R_CIPHERSUITE_DIGEST_HAS_CHANGED,
      SSL_R_COOKIE_MISMATCH,
      SSL_R_DH_PUBLIC_VALUE_LENGTH_IS_WRONG,
      SSL_R_DIGEST_CHECK_FAILED,
      SSL_R_ERROR_IN_RECEIVED_CIPHER_LIST,
      SSL_R_EXCESSIVE_MESSAGE_SIZE,
      SSL_R_ILLEGAL_POINT_COMPRESSION,
      SSL_R_INCONSISTENT_COMPRESSION,
      SSL_R_INCONSISTENT_EXTMS,
      SSL_R_INVALID_CCS_MESSAGE,
      SSL_R_INVALID_COMPRESSION_ALGORITHM,
      SSL_R_INVALID_CONTEXT,
      SSL_R_INVALID_SESSION_ID,
      SSL_R_LENGTH_MISMATCH,
      SSL_R_LENGTH_TOO_LONG,
      SSL_R_LENGTH_TOO_SHORT,
      SSL_R_MISSING_PSK_KEX_MODES_EXTENSION,
      SSL_R_MISSING_SIGALGS_EXTENSION,
      SSL_R_MISSING_SUPPORTED_GROUPS_EXTENSION,
      SSL_R_NO_CHANGE_FOLLOWING_HRR,
      SSL_R_NO_COMPRESSION_SPECIFIED,
      SSL_R_POST_HANDSHAKE_AUTH_ENCODING_ERR,
      SSL_R_PSK_IDENTITY_NOT_FOUND,
      SSL_R_RECORD_LENGTH_MISMATCH,
      SSL_R_RENEGOTIATION_ENCODING_ERR,
      SSL_R_RENEGOTIATION_MISMATCH,
      SSL_R_REQUIRED_COMPRESSION_ALGORITHM_MISSING,
      SSL_R_SSL3_EXT_INVALID_MAX_FRAGMENT_LENGTH,
      SSL_R_SSL3_EXT_INVALID_SERVERNAME,
      SSL_R_SSL3_EXT_INVALID_SERVERNAME_TYPE,
      SSL_R_SSL3_SESSION_ID_TOO_LONG,
      SSL_R_TLS_INVALID_ECPOINTFORMAT_LIST,
      SSL_R_UNKNOWN_ALERT_TYPE,
      SSL_R_UNSOLICITED_EXTENSION,
      SSL_R_UNSUPPORTED_COMPRESSION_ALGORITHM,
      SSL_R_WRONG_CURVE,
      SSL_R_WRONG_SIGNATURE_LENGTH,
      SSL_R_WRONG_SIGNATURE_SIZE}},
    {ChannelError::internal,
     {SSL_R_BAD_HANDSHAKE_LENGTH,
      SSL_R_BAD_HANDSHAKE_STATE,
      SSL_R_BAD_WRITE_RETRY,
      SSL_R_BIO_NOT_SET,
      SSL_R_CALLBACK_FAILED,
      SSL_R_CERT_CB_ERROR,
      SSL_R_CLIENTHELLO_TLSEXT,
      SSL_R_COMPRESSION_FAILURE,
      SSL_R_CONNECTION_TYPE_NOT_SET,
      SSL_R_COPY_PARAMETERS_FAILED,
      SSL_R_EXCEEDS_MAX_FRAGMENT_SIZE,
      SSL_R_LIBRARY_BUG,
      SSL_R_LIBRARY_HAS_NO_CIPHERS,
      SSL_R_MISSING_FATAL,
      SSL_R_MISSING_RSA_CERTIFICATE,
      SSL_R_NO_CERTIFICATE_SET,
      SSL_R_NO_PRIVATE_KEY_ASSIGNED,
      SSL_R_NO_REQUIRED_DIGEST,
      SSL_R_OVERFLOW_ERROR,
      SSL_R_PIPELINE_FAILURE,
      SSL_R_PROTOCOL_IS_SHUTDOWN,
      SSL_R_READ_BIO_NOT_SET,
      SSL_R_SESSION_ID_CONTEXT_UNINITIALIZED,
      SSL_R_SHUTDOWN_WHILE_IN_INIT,
      SSL_R_SSL_SESSION_ID_CALLBACK_FAILED,
      SSL_R_SSL_SESSION_ID_CONFLICT,
      SSL_R_SSL_SESSION_ID_HAS_BAD_LENGTH,
      SSL_R_STILL_IN_INIT,
      SSL_R_UNABLE_TO_FIND_ECDH_PARAMETERS,
      SSL_R_UNINITIALIZED,
      SSL_R_UNKNOWN_CIPHER_TYPE,
      SSL_R_UNKNOWN_KEY_EXCHANGE_TYPE,
      SSL_R_UNSUPPORTED_SSL_VERSION,
      SSL_R_X509_VERIFICATION_SETUP_PROBLEMS}},
};

ChannelError of_ssl_reason(int reason) {
  constexpr int kDescriptions = 256;  // of alerts: the peer's is the reason, behind an offset
  if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + kDescriptions)
    return ChannelError::alert_received;
  for (const auto& [error, reasons] : kReasons) {
    if (std::find(reasons.begin(), reasons.end(), reason) != reasons.end()) return error;
  }
  return ChannelError::other;
}

}  // namespace

ChannelError channel_error_of_openssl(unsigned long code) {
  if (ERR_SYSTEM_ERROR(code)) return channel_error_of_errno(ERR_GET_REASON(code));
  const int reason = ERR_GET_REASON(code);
  if (reason == ERR_R_MALLOC_FAILURE) return ChannelError::out_of_memory;
  if ((reason & ERR_RFLAG_COMMON) != 0)
    return ChannelError::internal;  // of any library: ERR_R_INTERNAL_ERROR
  switch (ERR_GET_LIB(code)) {
    case ERR_LIB_SSL: return of_ssl_reason(reason);
    case ERR_LIB_CT:
    case ERR_LIB_OCSP:
    case ERR_LIB_X509:
    case ERR_LIB_X509V3: return ChannelError::certificate;
    // A key share, signature or certificate whose values are none.
    case ERR_LIB_ASN1:
    case ERR_LIB_BN:
    case ERR_LIB_DH:
    case ERR_LIB_DSA:
    case ERR_LIB_EC:
    case ERR_LIB_ECDH:
    case ERR_LIB_ECDSA:
    case ERR_LIB_EVP:
    case ERR_LIB_OBJ:
    case ERR_LIB_OSSL_DECODER:
    case ERR_LIB_PROV:
    case ERR_LIB_RSA: return ChannelError::illegal_message;
    case ERR_LIB_ASYNC:
    case ERR_LIB_BIO:
    case ERR_LIB_BUF:
    case ERR_LIB_COMP:
    case ERR_LIB_CONF:
    case ERR_LIB_CRYPTO:
    case ERR_LIB_DSO:
    case ERR_LIB_ENGINE:
    case ERR_LIB_HMAC:
    case ERR_LIB_KDF:
    case ERR_LIB_PROP:
    case ERR_LIB_RAND: return ChannelError::internal;
    default: return ChannelError::other;
  }
}

}  // namespace sealgate
