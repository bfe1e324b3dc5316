// KeyedHash: SipHash-1-3 under a key of this process (Aumasson and Bernstein, "SipHash: a fast short-input
// PRF", 2012). For tables whose keys clients choose: who cannot compute the hash cannot fill one bucket.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sealgate {

class KeyedHash {
 public:
  KeyedHash();  // the key that all of this process have
  KeyedHash(uint64_t k0, uint64_t k1) : k0_(k0), k1_(k1) {}
  // Not noexcept: tables of libstdc++ then keep the hash beside each key.
  uint64_t operator()(std::string_view text) const;

 private:
  uint64_t k0_, k1_;
};

}  // namespace sealgate
