// ChannelError: the classes of errors that end a connection early, whether the socket, the kernel's record
// layer or OpenSSL reports them. Each error is counted and concerns only its connection.
#pragma once

#include <cstdint>
#include <string_view>

namespace sealgate {

enum class ChannelError : uint8_t {
  bad_record_mac,      // EBADMSG: a record is not authentic
  record_overflow,     // EMSGSIZE: a record is longer than TLS allows
  unexpected_message,  // a record or message out of place
  illegal_message,     // a message with a value or length that it must not have
  protocol_version,    // EINVAL from the record layer; a version nobody here speaks
  no_shared_cipher,    // the handshake found no common cipher, group or signature
  no_shared_protocol,  // ALPN offered without http/1.1
  certificate,         // the client's certificate is missing or not trusted
  not_tls,             // the first bytes are no TLS record
  handshake_cut,       // the client went away during the handshake
  alert_received,      // the peer gave up with a fatal alert
  key_expired,         // EKEYEXPIRED: data arrived under a key that was not installed
  key_update_flood,    // more KeyUpdates a second than anybody needs
  key_update_failed,   // the kernel refused the next key
  io,                  // EIO
  not_connected,       // ENOTCONN
  reset,               // ECONNRESET
  broken_pipe,         // EPIPE
  timed_out,           // ETIMEDOUT, or the network on the way is gone
  not_permitted,       // EACCES, EPERM: a firewall or security module forbids it
  out_of_memory,       // ENOMEM, ENOBUFS, OpenSSL's own
  cipher_failed,       // the engine could not set a cipher up, or not protect a record
  internal,            // a call that this program or OpenSSL should not make, or OpenSSL failed by itself
  other,               // an errno or reason that is in no list: worth a report
  count_,
};

std::string_view channel_error_name(ChannelError error);  // "bad-record-mac"
// Whether the error only means that the client left or the network failed. When that is noticed depends on
// how much data the kernel had taken by then, so it says nothing about the server.
bool client_left(ChannelError error);

// The class for an errno of a socket call, with or without kernel TLS (Documentation/networking/tls.rst).
ChannelError channel_error_of_errno(int error);
// The class for a code of OpenSSL's error queue (ERR_peek_error(3)); 0: the queue was empty.
ChannelError channel_error_of_openssl(unsigned long code);

}  // namespace sealgate
