#include "http/representation.h"

#include <time.h>

#include <algorithm>

#include "base/text.h"

namespace sealgate {
namespace {

// --- preconditions (RFC 9110 13) ---

// Whether a list of entity tags contains a strong tag, by weak and by strong comparison (8.8.3.2).
struct Named {
  bool readable = false, weakly = false, strongly = false;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The characters between the quotes of an entity tag (8.8.3).
bool is_opaque(std::string_view tag) {
  return std::all_of(tag.begin(), tag.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

// A malformed list contains no tag. Elements may be empty (5.6.1.2).
Named find_tag(std::string_view list, std::string_view etag) {
  if (trimmed(list) == "*") return {true, true, true};
  Named named;
  for (;;) {
    while (!list.empty() && (list.front() == ',' || is_blank(list.front()))) list.remove_prefix(1);
    if (list.empty()) return named;
    const bool weak = list.substr(0, 2) == "W/";
    if (weak) list.remove_prefix(2);
    const size_t end = list.empty() || list.front() != '"' ? list.npos : list.find('"', 1);
    if (end == list.npos || !is_opaque(list.substr(1, end - 1))) return {};
    if (list.substr(0, end + 1) == etag) {
      named.weakly = true;
      named.strongly |= !weak;
    }
    named.readable = true;
    list.remove_prefix(end + 1);
    while (!list.empty() && is_blank(list.front())) list.remove_prefix(1);
    if (!list.empty() && list.front() != ',') return {};
  }
}

// False when the field is absent or malformed.
bool read_date(std::string_view field, int64_t* seconds) {
  return field.data() && parse_http_date(trimmed(field), ::time(nullptr), seconds);
}

// If-Range (13.1.5): entity tags are compared strongly. A date never matches, because two versions can have
// the same date (8.8.2.2), and every response has an entity tag.
bool range_still_applies(std::string_view field, const Representation& representation) {
  if (!field.data()) return true;
  return trimmed(field) == representation.etag;
}

// --- ranges (RFC 9110 14.1.2, 14.2) ---

// Reads leading digits; too large a number becomes the largest value. False when there are no digits.
bool take_number(std::string_view& text, uint64_t* out) {
  size_t count = 0;
  uint64_t value = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; count++) {
    const auto digit = static_cast<uint64_t>(text[count] - '0');
    value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
  }
  text.remove_prefix(count);
  *out = value;
  return count > 0;
}

// Parses one range-spec. False when malformed; `length` is 0 when the range is outside of the representation.
bool read_range(std::string_view spec, uint64_t size, ByteRange* out) {
  *out = {};
  uint64_t first, last;
  if (take_number(spec, &first)) {
    if (spec.empty() || spec.front() != '-') return false;
    spec.remove_prefix(1);
    if (spec.empty()) {
      last = UINT64_MAX;
    } else if (!take_number(spec, &last) || !spec.empty() || last < first) {
      return false;
    }
    if (first < size) *out = {first, std::min(last, size - 1) - first + 1};
    return true;
  }
  if (spec.empty() || spec.front() != '-') return false;
  spec.remove_prefix(1);
  uint64_t suffix;
  if (!take_number(spec, &suffix) || !spec.empty()) return false;
  suffix = std::min(suffix, size);
  *out = {size - suffix, suffix};
  return true;
}

bool too_many_overlap(const std::vector<ByteRange>& ranges) {
  size_t overlapping = 0;
  for (size_t i = 0; i < ranges.size(); i++) {
    for (size_t j = 0; j < i; j++) {
      const bool apart = ranges[i].first >= ranges[j].first + ranges[j].length ||
                         ranges[j].first >= ranges[i].first + ranges[i].length;
      overlapping += apart ? 0 : 1;
    }
  }
  return overlapping > 2;
}

Outcome select_ranges(std::string_view field, uint64_t size, size_t max_ranges,
                      std::vector<ByteRange>& ranges) {
  constexpr std::string_view kUnit = "bytes=";
  if (!same(field.substr(0, kUnit.size()), kUnit)) return Outcome::full;
  std::string_view left = field.substr(kUnit.size());
  size_t asked = 0;
  while (!left.empty()) {
    const size_t comma = std::min(left.find(','), left.size());
    const std::string_view spec = trimmed(left.substr(0, comma));
    left.remove_prefix(std::min(comma + 1, left.size()));
    if (spec.empty()) continue;  // an empty list element (5.6.1.2)
    if (++asked > max_ranges) return Outcome::range_unsatisfiable;
    ByteRange range;
    if (!read_range(spec, size, &range)) return Outcome::full;
    if (range.length > 0) ranges.push_back(range);
  }
  if (asked == 0) return Outcome::full;
  if (ranges.empty() || too_many_overlap(ranges)) return Outcome::range_unsatisfiable;
  return Outcome::partial;
}

// No representation has so many bytes: a range that ends there asks for all that is to come.
constexpr uint64_t kBeyondAnySize = uint64_t{1} << 50;

// Reads "bytes=a-" and "bytes=a-b". False: it is another range, more than one, or "bytes=0-": who asks so
// wants all of it (ffmpeg does), and would take the end of what there is for the end.
bool read_growing_range(std::string_view field, uint64_t length, GrowingRange* range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!same(field.substr(0, kUnit.size()), kUnit)) return false;
  std::string_view spec = trimmed(field.substr(kUnit.size()));
  if (!take_number(spec, &range->first) || spec.empty() || spec.front() != '-') return false;
  spec.remove_prefix(1);
  const uint64_t last_there = length > 0 ? length - 1 : 0;
  if (spec.empty()) return range->last = last_there, range->first > 0;
  if (!take_number(spec, &range->last) || !spec.empty() || range->last < range->first) return false;
  if (range->last == UINT64_MAX) return false;  // it cannot be said again in Content-Range
  if (range->last < kBeyondAnySize) range->last = std::min(range->last, last_there);
  return true;
}

}  // namespace

Precondition evaluate_read(const Conditions& conditions, const Validators& current) {
  const bool dated = current.last_modified != 0;
  int64_t date;
  if (conditions.if_match.data()) {
    if (!find_tag(conditions.if_match, current.etag).strongly) return Precondition::failed;
  } else if (dated && read_date(conditions.if_unmodified_since, &date) && current.last_modified > date) {
    return Precondition::failed;
  }
  if (conditions.if_none_match.data()) {
    if (find_tag(conditions.if_none_match, current.etag).weakly) return Precondition::not_modified;
  } else if (dated && read_date(conditions.if_modified_since, &date) && current.last_modified <= date) {
    return Precondition::not_modified;
  }
  return Precondition::holds;
}

bool may_change(const Conditions& conditions, const Validators* current) {
  int64_t date;
  if (conditions.if_match.data()) {
    if (!current || !find_tag(conditions.if_match, current->etag).strongly) return false;
  } else if (conditions.if_unmodified_since.data() && current) {
    const bool dated = current->last_modified != 0 && read_date(conditions.if_unmodified_since, &date);
    if (!dated || current->last_modified > date) return false;
  }
  if (!conditions.if_none_match.data()) return true;
  const Named named = find_tag(conditions.if_none_match, current ? current->etag : std::string_view());
  return named.readable && !(current && named.weakly);
}

Outcome evaluate(const Request& request, const Representation& representation, size_t max_ranges,
                 std::vector<ByteRange>& ranges) {
  ranges.clear();
  const Conditions conditions{request.field(Field::if_match), request.field(Field::if_none_match),
                              request.field(Field::if_modified_since),
                              request.field(Field::if_unmodified_since)};
  switch (evaluate_read(conditions, {representation.etag, representation.last_modified})) {
    case Precondition::failed: return Outcome::precondition_failed;
    case Precondition::not_modified: return Outcome::not_modified;
    case Precondition::holds: break;
  }
  const std::string_view range = request.field(Field::range);
  // Content-Range cannot describe an empty representation, and clients that request everything by a range
  // would take 416 for a failure.
  if (request.method != Method::get || !range.data() || representation.size == 0) return Outcome::full;
  if (!range_still_applies(request.field(Field::if_range), representation)) return Outcome::full;
  const Outcome outcome = select_ranges(range, representation.size, max_ranges, ranges);
  if (outcome != Outcome::partial) ranges.clear();
  return outcome;
}

GrowingOutcome evaluate_growing(const Request& request, uint64_t length, GrowingRange* range) {
  if (request.field(Field::if_match).data() || request.field(Field::if_unmodified_since).data())
    return GrowingOutcome::precondition_failed;
  const std::string_view field = request.field(Field::range);
  if (request.method != Method::get || !field.data() || request.field(Field::if_range).data())
    return GrowingOutcome::full;
  if (!read_growing_range(field, length, range)) return GrowingOutcome::full;
  return range->first < length ? GrowingOutcome::partial : GrowingOutcome::wait;
}

}  // namespace sealgate
