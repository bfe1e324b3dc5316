// What a request for a sealed representation is answered with: preconditions in the order of RFC 9110 13.2.2,
// then the range (14.2), evaluated once from the digest, the size and the date. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/http1.h"

namespace sealgate {

struct Representation {
  std::string_view etag;      // with its quotes; a strong validator
  uint64_t size = 0;          // bytes
  int64_t last_modified = 0;  // seconds since the epoch; 0: unknown, and conditions on it are ignored
};

struct ByteRange {
  uint64_t first = 0;
  uint64_t length = 0;  // never 0
};

enum class Outcome : uint8_t { full, partial, not_modified, precondition_failed, range_unsatisfiable };

// GET and HEAD only. `ranges` is filled for Outcome::partial, in the order asked.
// A syntactically bad Range and an unknown unit are ignored (14.2); more than `max_ranges`, or more than two
// that overlap, are unsatisfiable. Range applies to GET alone. A false If-Range makes the answer full
// (13.1.5).
Outcome evaluate(const Request& request, const Representation& representation, size_t max_ranges,
                 std::vector<ByteRange>& ranges);

// IMF-fixdate (RFC 9110 5.6.7), exactly 29 bytes.
void format_http_date(int64_t seconds, char out[29]);
// All three formats of RFC 9110 5.6.7; false when it is none of them.
bool parse_http_date(std::string_view text, int64_t now, int64_t* seconds);

}  // namespace sealgate
