// The probe: finds out what this kernel supports by sending and receiving real records.
#include <netinet/in.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <string>

#include "base/fd.h"
#include "tls/ktls.h"
#include "tls/record_crypto.h"

namespace sealgate {
namespace {

constexpr size_t kDataBytes = 20'000;   // two records
constexpr uint64_t kFirstSequence = 2;  // as after two session tickets
constexpr int kPatience = 500;          // milliseconds of silence before an end gives up

// Both ends of a TCP connection over loopback; reads time out after kPatience.
struct Pair {
  Fd kernel, user;
};

Status connect_pair(Pair* out) {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), any, size) != 0 || ::listen(listener.get(), 1) != 0)
    return Status::last("listen");
  if (::getsockname(listener.get(), any, &size) != 0) return Status::last("getsockname");
  out->user = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(out->user.get(), any, size) != 0) return Status::last("connect");
  out->kernel = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!out->kernel) return Status::last("accept4");
  const timeval patience{0, kPatience * 1000};
  for (const int fd : {out->kernel.get(), out->user.get()}) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  return {};
}

// Waits for data, because receive_records() does not wait.
bool readable(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, kPatience) == 1;
}

bool read_exactly(int fd, char* out, size_t size) {
  while (size > 0) {
    const ssize_t n = ::recv(fd, out, size, 0);
    if (n <= 0) return false;
    out += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

// Reads the next record from the socket and opens it in userspace.
bool receive_record(int fd, const RecordKeys& keys, uint64_t sequence, uint8_t* type, std::string* data) {
  std::string record(5, '\0');
  if (!read_exactly(fd, record.data(), 5)) return false;
  const size_t length =
      static_cast<size_t>(static_cast<uint8_t>(record[3])) << 8 | static_cast<uint8_t>(record[4]);
  record.resize(5 + length);
  return read_exactly(fd, record.data() + 5, length) && open_record(keys, sequence, record, type, data);
}

// One recvmsg(2) on the kernel's end; returns the type of the record.
bool receive_decrypted(int fd, uint8_t* type, std::string* data) {
  std::string buffer(32 * 1024, '\0');
  Received received;
  if (!readable(fd) || !receive_records(fd, buffer.data(), buffer.size(), &received).ok()) return false;
  *type = received.type;
  data->assign(buffer, 0, received.size);
  return !received.end;
}

void make_up(RecordKeys& keys, TlsVersion version, Aead aead) {
  keys.version = version;
  keys.aead = aead;
  RAND_bytes(keys.key.data(), static_cast<int>(keys.key.size()));
  // TLS 1.2 AES-GCM: only the salt is secret, the other eight bytes go with each record.
  const bool salt_only = version == TlsVersion::tls12 && aead != Aead::chacha20_poly1305;
  RAND_bytes(keys.iv.data(), salt_only ? 4 : static_cast<int>(keys.iv.size()));
}

std::string sample() {
  std::string data(kDataBytes, '\0');
  RAND_bytes(reinterpret_cast<uint8_t*>(data.data()), static_cast<int>(data.size()));
  return data;
}

constexpr Status kWrongBytes{EBADMSG, "transfer"};

// Sends data and a control record through the kernel and opens them in userspace.
Status try_tx(const Pair& pair, const RecordKeys& keys, uint64_t sequence) {
  const std::string data = sample();
  if (::send(pair.kernel.get(), data.data(), data.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(data.size())) {
    return Status::last("send");
  }
  std::string received, piece;
  uint8_t type = kRecordData;
  while (received.size() < data.size()) {
    if (!receive_record(pair.user.get(), keys, sequence++, &type, &piece) || type != kRecordData)
      return kWrongBytes;
    received += piece;
  }
  if (received != data) return kWrongBytes;
  if (const Status status = send_alert(pair.kernel.get(), 90); !status.ok()) return status;  // user_canceled
  const bool arrived = receive_record(pair.user.get(), keys, sequence, &type, &piece);
  return arrived && type == kRecordAlert ? Status{} : kWrongBytes;
}

// Protects records in userspace and reads them through the kernel.
Status try_rx(const Pair& pair, const RecordKeys& keys, uint64_t sequence) {
  const std::string data = sample();
  std::string wire;
  for (size_t at = 0; at < data.size(); at += 16'384) {
    wire += protect_record(keys, sequence++, kRecordData, std::string_view(data).substr(at, 16'384));
  }
  wire += protect_record(keys, sequence++, kRecordAlert, std::string_view("\1\132", 2));
  if (::send(pair.user.get(), wire.data(), wire.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(wire.size())) {
    return Status::last("send");
  }
  std::string received, piece;
  uint8_t type = kRecordData;
  while (received.size() < data.size()) {
    if (!receive_decrypted(pair.kernel.get(), &type, &piece)) return Status::last("recvmsg");
    if (type != kRecordData) return kWrongBytes;
    received += piece;
  }
  if (received != data || !receive_decrypted(pair.kernel.get(), &type, &piece)) return kWrongBytes;
  return type == kRecordAlert ? Status{} : kWrongBytes;
}

// Sends a KeyUpdate, installs a second key and repeats the transfer (RFC 8446 4.6.3).
bool try_rekey(const Pair& pair, const RecordKeys& before, uint64_t sequence, Direction direction) {
  RecordKeys after;
  make_up(after, before.version, before.aead);
  std::string ignored;
  uint8_t type;
  if (direction == Direction::tx) {
    if (!send_key_update(pair.kernel.get(), false).ok()) return false;
    if (!install_keys(pair.kernel.get(), direction, after, 0).ok()) return false;
    if (!receive_record(pair.user.get(), before, sequence, &type, &ignored)) return false;
    return try_tx(pair, after, 0).ok();
  }
  const std::string update =
      protect_record(before, sequence, kRecordHandshake, std::string_view("\x18\0\0\1\0", 5));
  if (::send(pair.user.get(), update.data(), update.size(), MSG_NOSIGNAL) < 0) return false;
  if (!receive_decrypted(pair.kernel.get(), &type, &ignored) || type != kRecordHandshake) return false;
  if (!install_keys(pair.kernel.get(), direction, after, 0).ok()) return false;
  return try_rx(pair, after, 0).ok();
}

Status try_all(KtlsCapability& capability) {
  Pair pair;
  if (const Status status = connect_pair(&pair); !status.ok()) return status;
  if (const Status status = attach_ulp(pair.kernel.get()); !status.ok()) return status;
  RecordKeys keys;
  make_up(keys, capability.version, capability.aead);
  const Direction direction = capability.direction;
  if (const Status status = install_keys(pair.kernel.get(), direction, keys, kFirstSequence); !status.ok())
    return status;
  const Status status =
      direction == Direction::tx ? try_tx(pair, keys, kFirstSequence) : try_rx(pair, keys, kFirstSequence);
  if (!status.ok()) return status;
  capability.works = true;
  constexpr uint64_t kSpent = (kDataBytes + 16'383) / 16'384 + 1;  // records of one transfer
  capability.rekeys =
      capability.version == TlsVersion::tls13 && try_rekey(pair, keys, kFirstSequence + kSpent, direction);
  return {};
}

}  // namespace

std::vector<KtlsCapability> probe_ktls() {
  std::vector<KtlsCapability> matrix;
  for (const TlsVersion version : {TlsVersion::tls13, TlsVersion::tls12}) {
    for (const Aead aead : {Aead::aes128_gcm, Aead::aes256_gcm, Aead::chacha20_poly1305, Aead::aes128_ccm}) {
      for (const Direction direction : {Direction::tx, Direction::rx}) {
        KtlsCapability capability{version, aead, direction};
        capability.failure = try_all(capability);
        matrix.push_back(capability);
      }
    }
  }
  return matrix;
}

}  // namespace sealgate
