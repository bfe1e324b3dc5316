// The inputs of the decision whether a direction moves into the kernel: KtlsSupport, what the kernel can do
// according to the probe, and KtlsPolicy, what the operator allows.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tls/ktls.h"

namespace sealgate {

class KtlsSupport {
 public:
  explicit KtlsSupport(const std::vector<KtlsCapability>& matrix) {
    for (const KtlsCapability& c : matrix) entry(c.version, c.aead, c.direction) = {c.works, c.rekeys};
  }
  bool works(TlsVersion v, Aead a, Direction d) const { return entries_[index(v, a, d)].works; }
  // Whether a second key can be installed (TLS 1.3).
  bool rekeys(TlsVersion v, Aead a, Direction d) const { return entries_[index(v, a, d)].rekeys; }
  bool any() const {
    for (const Entry& each : entries_) {
      if (each.works) return true;
    }
    return false;
  }

 private:
  struct Entry {
    bool works = false, rekeys = false;
  };
  static constexpr size_t index(TlsVersion v, Aead a, Direction d) {
    return (static_cast<size_t>(v) * kAeads + static_cast<size_t>(a)) * 2 + static_cast<size_t>(d);
  }
  Entry& entry(TlsVersion v, Aead a, Direction d) { return entries_[index(v, a, d)]; }
  Entry entries_[2 * kAeads * 2];
};

// On which connections TLS_TX_ZEROCOPY_RO is set, for files that the kernel keeps from changing.
enum class ZeroCopy : uint8_t {
  off,
  device,  // where a network device has the sending keys
  always,
};

struct KtlsPolicy {
  bool on = true;
  std::array<bool, 2> directions{true, true};                // by Direction
  std::array<bool, 2> protocols{true, true};                 // by TlsVersion
  std::array<bool, kAeads> ciphers{true, true, true, true};  // by Aead
  uint64_t min_bytes = 64 * 1024;      // a response or a body of this size moves its connection
  uint64_t records_per_key = 1 << 24;  // below RFC 8446 5.5's 2^24.5 for AES-GCM
  // A network device may take over keys, so the kernel is asked for each connection who uses them.
  bool ask_modes = false;
  ZeroCopy zero_copy = ZeroCopy::device;

  bool wants(Direction d) const { return on && directions[static_cast<size_t>(d)]; }
  bool wants(TlsVersion v, Aead a) const {
    return protocols[static_cast<size_t>(v)] && ciphers[static_cast<size_t>(a)];
  }
};

}  // namespace sealgate
