// Request ids: the names of requests in answers, logs and problem documents. Own ones have 32 hexadecimal
// digits, as those of other servers: half of them are random for each reactor, so that those of several
// machines and of a restart differ, and half number its requests.
#pragma once

#include <emmintrin.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "server/address_prefix.h"

namespace sealgate {

struct RequestIdOptions {
  bool send = true;                  // whether answers have the id
  std::vector<AddressPrefix> trust;  // of clients that may name requests themselves
};

inline constexpr std::string_view kRequestIdField = "X-Request-Id";
// Digits of a number. The common text of kept answers has the first half of an id already.
inline constexpr size_t kNumberDigits = 16;
inline constexpr size_t kRequestIdDigits = 2 * kNumberDigits;

// Writes the kNumberDigits digits of a number, all of them in a few instructions: each kept answer has one.
inline void write_hex(uint64_t number, char* to) {
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<int64_t>(__builtin_bswap64(number)));
  const __m128i low_four = _mm_set1_epi8(15);
  const __m128i digits = _mm_and_si128(_mm_unpacklo_epi8(_mm_srli_epi64(bytes, 4), bytes), low_four);
  const __m128i letters = _mm_cmpgt_epi8(digits, _mm_set1_epi8(9));
  const __m128i offset = _mm_and_si128(letters, _mm_set1_epi8('a' - '0' - 10));
  const __m128i text = _mm_add_epi8(_mm_add_epi8(digits, offset), _mm_set1_epi8('0'));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), text);
}

// The ids of one reactor.
class RequestIds {
 public:
  RequestIds();

  // The id of the request with this number.
  std::string text(uint64_t serial) const {
    std::string id(kRequestIdDigits, '0');
    write_hex(tag_, id.data());
    write_hex(serial, id.data() + kNumberDigits);
    return id;
  }

 private:
  uint64_t tag_ = 0;
};

// The id that a client gave a request; empty: none that can be one.
std::string_view given_request_id(std::string_view head);

}  // namespace sealgate
