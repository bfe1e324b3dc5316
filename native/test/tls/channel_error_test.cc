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

TEST_CASE("errno of a socket") {
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
                                                {ENOSYS, ChannelError::other}};
  for (const auto& [error, expected] : cases) {
    INFO(std::to_string(error));
    CHECK_EQ(static_cast<int>(channel_error_of_errno(error)), static_cast<int>(expected));
  }
}

TEST_CASE("reasons of OpenSSL") {
  const std::pair<unsigned long, ChannelError> cases[] = {
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC), ChannelError::bad_record_mac},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_SHARED_CIPHER), ChannelError::no_shared_cipher},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_UNSUPPORTED_PROTOCOL), ChannelError::protocol_version},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_R_HTTP_REQUEST), ChannelError::not_tls},
      {ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + SSL_AD_UNKNOWN_CA), ChannelError::alert_received},
      {ERR_PACK(ERR_LIB_X509, 0, 1), ChannelError::certificate},
      {ERR_PACK(ERR_LIB_EC, 0, 1), ChannelError::illegal_message},
      {ERR_PACK(ERR_LIB_BIO, 0, 1), ChannelError::other},
      {0, ChannelError::other}};
  for (const auto& [code, expected] : cases) {
    INFO(std::to_string(code));
    CHECK_EQ(static_cast<int>(channel_error_of_openssl(code)), static_cast<int>(expected));
  }
}

TEST_CASE("names") {
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
