// Preconditions of every request, in the order of RFC 9110 13.2.2, and what a request for a sealed
// representation is answered with: they first, then the range (14.2), evaluated once from the digest, the
// size and the date. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace sealgate {

// The conditions of a request as it was sent; data() == nullptr where a field is absent.
struct Conditions {
  std::string_view if_match, if_none_match, if_modified_since, if_unmodified_since;
};

// What conditions are compared with.
struct Validators {
  std::string_view etag;      // with its quotes; a strong validator
  int64_t last_modified = 0;  // seconds since the epoch; 0: unknown
};

enum class Precondition : uint8_t { holds, not_modified, failed };

// GET and HEAD: a condition that cannot be read, or is on a date that is unknown, is ignored. A list of
// entity tags that cannot be read names none.
Precondition evaluate_read(const Conditions& conditions, const Validators& current);
// Whether a request that changes what is there may do it; `current` is null where nothing is. A condition
// that cannot be read fails: whoever sent it meant to guard what is there.
bool may_change(const Conditions& conditions, const Validators* current);

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
