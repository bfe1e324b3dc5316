// The kernel side of kernel TLS: ULP, keys and control records of a socket.
#include "tls/ktls.h"

#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <sys/socket.h>

#include <cstring>

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#ifndef SOL_TLS
#define SOL_TLS 282
#endif

namespace sealgate {
namespace {

// One of the structures of <linux/tls.h> that hold a key, depending on the cipher.
union CryptoInfo {
  tls_crypto_info info;
  tls12_crypto_info_aes_gcm_128 aes128;
  tls12_crypto_info_aes_gcm_256 aes256;
  tls12_crypto_info_chacha20_poly1305 chacha20;
  tls12_crypto_info_aes_ccm_128 ccm;
};

int option_of(Direction direction) { return direction == Direction::tx ? TLS_TX : TLS_RX; }

void put_sequence(uint64_t sequence, uint8_t out[8]) {
  for (int i = 7; i >= 0; i--, sequence >>= 8) out[i] = static_cast<uint8_t>(sequence);
}

// AES: 4 bytes of salt and 8 further bytes, which TLS 1.3 XORs with the sequence number and TLS 1.2 sends
// with each record. TLS 1.2 allows any value that is unique under the key: the sequence number is used (RFC
// 5288 3, RFC 6655 3).
template <typename Info>
socklen_t fill_aes(Info& info, const RecordKeys& keys, uint64_t sequence) {
  std::memcpy(info.key, keys.key.data(), sizeof info.key);
  std::memcpy(info.salt, keys.iv.data(), sizeof info.salt);
  if (keys.version == TlsVersion::tls13) {
    std::memcpy(info.iv, keys.iv.data() + sizeof info.salt, sizeof info.iv);
  } else {
    put_sequence(sequence, info.iv);
  }
  put_sequence(sequence, info.rec_seq);
  return sizeof info;
}

socklen_t fill(CryptoInfo& out, const RecordKeys& keys, uint64_t sequence) {
  out.info.version = keys.version == TlsVersion::tls13 ? TLS_1_3_VERSION : TLS_1_2_VERSION;
  switch (keys.aead) {
    case Aead::aes128_gcm:
      out.info.cipher_type = TLS_CIPHER_AES_GCM_128;
      return fill_aes(out.aes128, keys, sequence);
    case Aead::aes256_gcm:
      out.info.cipher_type = TLS_CIPHER_AES_GCM_256;
      return fill_aes(out.aes256, keys, sequence);
    case Aead::chacha20_poly1305:
      out.info.cipher_type = TLS_CIPHER_CHACHA20_POLY1305;
      std::memcpy(out.chacha20.key, keys.key.data(), sizeof out.chacha20.key);
      std::memcpy(out.chacha20.iv, keys.iv.data(), sizeof out.chacha20.iv);
      put_sequence(sequence, out.chacha20.rec_seq);
      return sizeof out.chacha20;
    case Aead::aes128_ccm:
      out.info.cipher_type = TLS_CIPHER_AES_CCM_128;
      return fill_aes(out.ccm, keys, sequence);
  }
  return 0;
}

}  // namespace

Status send_without_copies(int fd) {
  constexpr int kZeroCopyReadOnly = 3;  // TLS_TX_ZEROCOPY_RO, Linux 5.19; older headers lack it
  const unsigned on = 1;
  if (::setsockopt(fd, SOL_TLS, kZeroCopyReadOnly, &on, sizeof on) == 0) return {};
  return Status::last("setsockopt TLS_TX_ZEROCOPY_RO");
}

Status attach_ulp(int fd) {
  if (::setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0 || errno == EEXIST) return {};
  return Status::last("setsockopt TCP_ULP");
}

Status install_keys(int fd, Direction direction, const RecordKeys& keys, uint64_t sequence) {
  CryptoInfo info{};
  const socklen_t size = fill(info, keys, sequence);
  const bool ok = ::setsockopt(fd, SOL_TLS, option_of(direction), &info, size) == 0;
  const Status status =
      ok ? Status{} : Status::last(direction == Direction::tx ? "setsockopt TLS_TX" : "setsockopt TLS_RX");
  OPENSSL_cleanse(&info, sizeof info);
  return status;
}

Status record_sequence(int fd, Direction direction, const RecordKeys& like, uint64_t* sequence) {
  CryptoInfo info{};
  socklen_t size = fill(info, like, 0);
  if (::getsockopt(fd, SOL_TLS, option_of(direction), &info, &size) != 0)
    return Status::last("getsockopt SOL_TLS");
  // The sequence number is the last member of each structure.
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(&info) + size - 8;
  *sequence = 0;
  for (int i = 0; i < 8; i++) *sequence = *sequence << 8 | bytes[i];
  OPENSSL_cleanse(&info, sizeof info);
  return {};
}

Status send_control(int fd, uint8_t record_type, const void* data, size_t size) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof record_type)] = {};
  iovec payload{const_cast<void*>(data), size};
  msghdr message{};
  message.msg_iov = &payload;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_TLS;
  header->cmsg_type = TLS_SET_RECORD_TYPE;
  header->cmsg_len = CMSG_LEN(sizeof record_type);
  *CMSG_DATA(header) = record_type;
  ssize_t n;
  do n = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  return n < 0 ? Status::last("sendmsg TLS_SET_RECORD_TYPE") : Status{};
}

Status receive_records(int fd, void* out, size_t capacity, Received* received) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof received->type)] = {};
  iovec into{out, capacity};
  msghdr message{};
  message.msg_iov = &into;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t n;
  do n = ::recvmsg(fd, &message, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0) return Status::last("recvmsg");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  const bool typed = header && header->cmsg_level == SOL_TLS && header->cmsg_type == TLS_GET_RECORD_TYPE;
  received->size = static_cast<size_t>(n);
  received->type = typed ? *CMSG_DATA(header) : kRecordData;
  received->end = n == 0 && !typed;  // an empty control record has its type
  return {};
}

Status send_alert(int fd, uint8_t description) {
  const uint8_t alert[] = {2, description};  // fatal
  return send_control(fd, kRecordAlert, alert, sizeof alert);
}

Status send_key_update(int fd, bool request_update) {
  const uint8_t message[] = {24, 0, 0, 1, static_cast<uint8_t>(request_update ? 1 : 0)};
  return send_control(fd, kRecordHandshake, message, sizeof message);
}

}  // namespace sealgate
