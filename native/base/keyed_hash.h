// KeyedHash: SipHash-1-3 with a random key of this process (Aumasson and Bernstein, "SipHash: a fast
// short-input PRF", 2012). For tables whose keys clients choose: without the key a client cannot choose texts
// that all fall into one bucket.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sealgate {

class KeyedHash {
 public:
  KeyedHash();  // all instances of a process share one key
  KeyedHash(uint64_t k0, uint64_t k1) : k0_(k0), k1_(k1) {}
  // Not noexcept, because libstdc++'s tables then store the hash with each key instead of computing it again.
  // Each number has a key of its own, which differs from the others as the numbers do.
  uint64_t operator()(uint64_t number, std::string_view text) const;

 private:
  uint64_t k0_, k1_;
};

}  // namespace sealgate
