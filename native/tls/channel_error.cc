#include "tls/channel_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

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
    case ChannelError::out_of_memory: return "out-of-memory";
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
    case EIO: return ChannelError::io;
    case ENOTCONN: return ChannelError::not_connected;
    case ECONNRESET: return ChannelError::reset;
    case EPIPE: return ChannelError::broken_pipe;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return ChannelError::timed_out;
    case ENOMEM:
    case ENOBUFS: return ChannelError::out_of_memory;
    default: return ChannelError::other;
  }
}

ChannelError channel_error_of_openssl(unsigned long code) {
  if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE) return ChannelError::out_of_memory;
  switch (ERR_GET_LIB(code)) {
    case ERR_LIB_SSL: break;
    case ERR_LIB_X509:
    case ERR_LIB_X509V3: return ChannelError::certificate;
    case ERR_LIB_ASN1:
    case ERR_LIB_DH:
    case ERR_LIB_EC:
    case ERR_LIB_EVP:
    case ERR_LIB_RSA: return ChannelError::illegal_message;  // a key share or signature that is none
    default: return ChannelError::other;
  }
  const int reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET) return ChannelError::alert_received;
  switch (reason) {
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return ChannelError::bad_record_mac;
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_PACKET_LENGTH_TOO_LONG: return ChannelError::record_overflow;
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_UNEXPECTED_RECORD:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_INVALID_ALERT:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_TOO_MANY_WARN_ALERTS:
    case SSL_R_NOT_ON_RECORD_BOUNDARY:
    case SSL_R_MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA: return ChannelError::unexpected_message;
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_BAD_LEGACY_VERSION: return ChannelError::protocol_version;
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST: return ChannelError::not_tls;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return ChannelError::no_shared_cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL: return ChannelError::no_shared_protocol;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_BAD_SIGNATURE: return ChannelError::certificate;
    case SSL_R_BAD_KEY_UPDATE:
    case SSL_R_BAD_LENGTH:
    case SSL_R_BAD_EXTENSION:
    case SSL_R_LENGTH_MISMATCH:
    case SSL_R_LENGTH_TOO_SHORT:
    case SSL_R_LENGTH_TOO_LONG:
    case SSL_R_EXCESSIVE_MESSAGE_SIZE: return ChannelError::illegal_message;
    default: return ChannelError::other;
  }
}

}  // namespace sealgate
