// KeyedHash is SipHash-1-3, as OpenSSL computes it, for texts of every length and any key.
#include "base/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstring>
#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

uint64_t of_openssl(uint64_t k0, uint64_t k1, std::string_view text) {
  const uint64_t words[] = {k0, k1};
  unsigned char key[16];
  std::memcpy(key, words, sizeof key);
  unsigned compressions = 1, finals = 3;
  size_t size = sizeof(uint64_t);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_C_ROUNDS, &compressions),
                               OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_D_ROUNDS, &finals),
                               OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  uint64_t hash = 0;
  size_t bytes = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(text.data());
  const bool computed =
      EVP_MAC_init(context, key, sizeof key, params) == 1 &&
      EVP_MAC_update(context, data, text.size()) == 1 &&
      EVP_MAC_final(context, reinterpret_cast<unsigned char*>(&hash), &bytes, sizeof hash) == 1;
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
  CHECK(computed);
  return hash;
}

TEST_CASE("the hash is SipHash-1-3, whatever the length and the key") {
  std::string text;
  uint64_t k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
  for (int length = 0; length < 300; length++) {
    const uint64_t number = k1 >> (length % 64);
    CHECK_EQ(KeyedHash(k0, k1)(number, text), of_openssl(k0 ^ number, k1, text));
    text.push_back(static_cast<char>(k0 >> 24));
    k0 = k0 * 6364136223846793005 + 1442695040888963407;
    k1 ^= k0 << 7 | 1;
  }
}

TEST_CASE("all hashes of a process have one key, and it is not zero") {
  CHECK_EQ(KeyedHash()(1, "/o/files/a"), KeyedHash()(1, "/o/files/a"));
  CHECK(KeyedHash()(1, "/o/files/a") != KeyedHash(0, 0)(1, "/o/files/a"));
}

}  // namespace
}  // namespace sealgate
