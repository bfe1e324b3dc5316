#include "base/keyed_hash.h"

#include <openssl/rand.h>

#include <cstring>

namespace sealgate {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they stand");

struct State {
  uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void take(uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

// Reads `count` bytes, fewer than eight, the first of them lowest. Of a long text eight are read at once.
uint64_t last_bytes(std::string_view text, size_t count) {
  uint64_t word = 0;
  if (count == 0) return word;
  if (text.size() < sizeof word) {
    std::memcpy(&word, text.data(), text.size());
    return word;
  }
  std::memcpy(&word, text.data() + text.size() - sizeof word, sizeof word);
  return word >> 8 * (sizeof word - count);
}

struct Key {
  uint64_t k0 = 0, k1 = 0;
};

// OpenSSL's random generator fails only when the system has no randomness, and then TLS fails as well.
Key random_key() {
  Key key;
  RAND_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key);
  return key;
}

}  // namespace

KeyedHash::KeyedHash() {
  static const Key key = random_key();
  k0_ = key.k0;
  k1_ = key.k1;
}

uint64_t KeyedHash::operator()(uint64_t number, std::string_view text) const {
  const uint64_t k0 = k0_ ^ number;
  State state{k0 ^ 0x736f6d6570736575, k1_ ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
              k1_ ^ 0x7465646279746573};
  uint64_t word;
  size_t at = 0;
  for (; at + sizeof word <= text.size(); at += sizeof word) {
    std::memcpy(&word, text.data() + at, sizeof word);
    state.take(word);
  }
  state.take(last_bytes(text, text.size() - at) | static_cast<uint64_t>(text.size()) << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; i++) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace sealgate
