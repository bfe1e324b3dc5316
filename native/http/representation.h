// Evaluates preconditions in the order of RFC 9110 13.2.2, and then the range (14.2), which together decide
// the response for a sealed representation. Inputs are its digest, size and date. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace sealgate {

// The conditional fields of a request as sent; data() == nullptr when a field is absent.
struct Conditions {
  std::string_view if_match, if_none_match, if_modified_since, if_unmodified_since;
};

// The current state that conditions are compared with.
struct Validators {
  std::string_view etag;      // with its quotes; a strong validator
  int64_t last_modified = 0;  // seconds since the epoch; 0: unknown
};

enum class Precondition : uint8_t { holds, not_modified, failed };

// For GET and HEAD. A condition that is malformed, or on an unknown date, is ignored. A malformed list of
// entity tags matches no tag.
Precondition evaluate_read(const Conditions& conditions, const Validators& current);
// Whether a request may change the resource; `current` is null if there is none. A malformed condition counts
// as false, because its sender meant to protect the resource.
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

// For GET and HEAD only. For Outcome::partial `ranges` is filled in the order of the request. A malformed
// Range or unknown unit is ignored (14.2); more than `max_ranges` ranges, or more than two that overlap, are
// unsatisfiable. Only GET has ranges. If If-Range is false the response is full (13.1.5).
Outcome evaluate(const Request& request, const Representation& representation, size_t max_ranges,
                 std::vector<ByteRange>& ranges);

// Writes an IMF-fixdate (RFC 9110 5.6.7) of exactly 29 bytes.
void format_http_date(int64_t seconds, char out[29]);
// Reads the three formats of RFC 9110 5.6.7; false for anything else.
bool parse_http_date(std::string_view text, int64_t now, int64_t* seconds);

}  // namespace sealgate
