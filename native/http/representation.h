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

// The bytes from `first` to `last`, both included. `last` may be far beyond what there is; the range then
// ends where the representation does.
struct GrowingRange {
  uint64_t first = 0, last = 0;
};

// wait: the range begins behind what there is, so nothing can be said of it yet.
enum class GrowingOutcome : uint8_t { full, partial, wait, precondition_failed };

// For GET and HEAD for a representation that has `length` bytes so far, no entity tag and no date. No tag
// fits what has none (13.1), and any change is later than the date of an earlier answer. A range without an
// end, or with one that lies beyond what there is, ends with what there is; one that ends beyond any size
// there can be goes on with the representation (RFC 8673 3.1). Any other kind of Range is ignored, as are one
// with If-Range, and one that asks for everything ("bytes=0-").
GrowingOutcome evaluate_growing(const Request& request, uint64_t length, GrowingRange* range);

// Writes an IMF-fixdate (RFC 9110 5.6.7) of exactly 29 bytes.
void format_http_date(int64_t seconds, char out[29]);
// Reads the three formats of RFC 9110 5.6.7; false for anything else.
bool parse_http_date(std::string_view text, int64_t now, int64_t* seconds);

}  // namespace sealgate
