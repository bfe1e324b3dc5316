// Preconditions are evaluated in the order of RFC 9110 13.2.2, and only then the range (14.2).
#include "http/representation.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

constexpr std::string_view kEtag = "\"e1\"";
constexpr int64_t kModified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr const char* kThen = "Sun, 06 Nov 1994 08:49:37 GMT";
constexpr const char* kEarlier = "Sun, 06 Nov 1994 08:49:36 GMT";
constexpr const char* kLater = "Sun, 06 Nov 1994 08:49:38 GMT";
constexpr size_t kMaxRanges = 4;

struct Answer {
  Outcome outcome;
  std::string ranges;  // "0+5 7+1": first byte and length of each
};

using Fields = std::vector<std::pair<Field, const char*>>;

Answer ask(const Fields& fields, uint64_t size = 100, Method method = Method::get) {
  Request request;
  request.method = method;
  for (const auto& [field, value] : fields) request.fields[static_cast<size_t>(field)] = value;
  std::vector<ByteRange> ranges{{77, 77}};  // of an earlier request
  Answer answer{evaluate(request, {kEtag, size, kModified}, kMaxRanges, ranges), ""};
  for (const ByteRange& range : ranges) {
    if (!answer.ranges.empty()) answer.ranges += ' ';
    answer.ranges += std::to_string(range.first) + "+" + std::to_string(range.length);
  }
  return answer;
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::full: return "full";
    case Outcome::partial: return "partial";
    case Outcome::not_modified: return "not modified";
    case Outcome::precondition_failed: return "precondition failed";
    case Outcome::range_unsatisfiable: return "range unsatisfiable";
  }
  return "";
}

void answers(const Fields& fields, Outcome expected, Method method = Method::get) {
  std::string text;
  for (const auto& [field, value] : fields)
    text += std::to_string(static_cast<int>(field)) + ": " + value + "; ";
  INFO(std::string(text));
  CHECK_EQ(std::string(outcome_name(ask(fields, 100, method).outcome)), outcome_name(expected));
}

void selects(const char* range, uint64_t size, const char* expected) {
  INFO((std::string(range) + " of " + std::to_string(size)));
  const Answer answer = ask({{Field::range, range}}, size);
  CHECK_EQ(std::string(outcome_name(answer.outcome)), "partial");
  CHECK_EQ(answer.ranges, expected);
}

void selects_nothing(const char* range, uint64_t size, Outcome expected) {
  INFO((std::string(range) + " of " + std::to_string(size)));
  const Answer answer = ask({{Field::range, range}}, size);
  CHECK_EQ(std::string(outcome_name(answer.outcome)), outcome_name(expected));
  CHECK_EQ(answer.ranges, "");
}

using enum Field;
using enum Outcome;

TEST_CASE("If-Match holds for the strong entity tag alone") {
  answers({{if_match, "\"e1\""}}, full);
  answers({{if_match, "*"}}, full);
  answers({{if_match, "\"x\", \"e1\""}}, full);
  answers({{if_match, ",, \"x\"\t,\"e1\""}}, full);
  answers({{if_match, "\"a,b\", \"e1\""}}, full);
  answers({{if_match, "\"e2\""}}, precondition_failed);
  answers({{if_match, "W/\"e1\""}}, precondition_failed);
  answers({{if_match, "\"e1"}}, precondition_failed);
  answers({{if_match, "e1"}}, precondition_failed);
  answers({{if_match, "\"x, \"e1\""}}, precondition_failed);
  answers({{if_match, "\"e1\" \"x\""}}, precondition_failed);
  answers({{if_match, ""}}, precondition_failed);
}

TEST_CASE("If-None-Match compares weakly") {
  answers({{if_none_match, "\"e1\""}}, not_modified);
  answers({{if_none_match, "W/\"e1\""}}, not_modified);
  answers({{if_none_match, "*"}}, not_modified);
  answers({{if_none_match, "\"x\", W/\"y\", \"e1\""}}, not_modified);
  answers({{if_none_match, "\"x\", W/\"y\""}}, full);
  answers({{if_none_match, "w/\"e1\""}}, full);
  answers({{if_none_match, "\"E1\""}}, full);
  answers({{if_none_match, ""}}, full);
  answers({{if_none_match, "\"e1\", x"}}, full);
}

// `there` is the date of what is there: 0 where it has none, -1 where nothing is there.
void changes(const Conditions& conditions, int64_t there, bool expected) {
  INFO(("of " + std::to_string(there)));
  const Validators current{kEtag, there};
  CHECK_EQ(may_change(conditions, there < 0 ? nullptr : &current), expected);
}

constexpr int64_t kNothing = -1, kUndated = 0;

TEST_CASE("a change happens where its entity tags hold, and not where they cannot be read") {
  for (const char* list : {"\"e1\"", "*", " * ", "\"x\", \"e1\"", "\"x\",,\"e1\" ,"}) {
    changes({.if_match = list}, kModified, true);
    changes({.if_match = list}, kNothing, false);
    changes({.if_none_match = list}, kModified, false);
  }
  for (const char* list : {"", ",", "e1", "\"e1", "\"e1\" \"x\"", "\"e1\", x", "\"e 1\"", "* , \"x\""}) {
    changes({.if_match = list}, kModified, false);
    changes({.if_none_match = list}, kModified, false);
    changes({.if_none_match = list}, kNothing, false);
  }
  changes({.if_match = "W/\"e1\""}, kModified, false);
  changes({.if_none_match = "W/\"e1\""}, kModified, false);
  changes({.if_none_match = "\"x\", W/\"y\""}, kModified, true);
  changes({.if_none_match = "*"}, kNothing, true);
  changes({}, kModified, true);
  changes({}, kNothing, true);
}

TEST_CASE("a change that a date guards happens where the date is known and not earlier") {
  for (const char* date : {kThen, kLater, "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    changes({.if_unmodified_since = date}, kModified, true);
    changes({.if_unmodified_since = date}, kUndated, false);
  }
  for (const char* date : {kEarlier, "yesterday", ""}) {
    changes({.if_unmodified_since = date}, kModified, false);
    changes({.if_unmodified_since = date}, kNothing, true);
  }
  changes({.if_match = "\"e1\"", .if_unmodified_since = "yesterday"}, kUndated, true);
}

TEST_CASE("dates are compared by the second, and none is read into a date that is none") {
  answers({{if_modified_since, kThen}}, not_modified);
  answers({{if_modified_since, kLater}}, not_modified);
  answers({{if_modified_since, kEarlier}}, full);
  answers({{if_modified_since, "yesterday"}}, full);
  answers({{if_modified_since, ""}}, full);
  answers({{if_unmodified_since, kThen}}, full);
  answers({{if_unmodified_since, kLater}}, full);
  answers({{if_unmodified_since, kEarlier}}, precondition_failed);
  answers({{if_unmodified_since, "yesterday"}}, full);
}

TEST_CASE("a date in any of the three formats is the same date") {
  for (const char* date : {kThen, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    answers({{if_modified_since, date}}, not_modified);
    answers({{if_unmodified_since, date}}, full);
  }
}

TEST_CASE("an entity tag overrides the date beside it") {
  answers({{if_match, "\"e1\""}, {if_unmodified_since, kEarlier}}, full);
  answers({{if_match, "\"e2\""}, {if_unmodified_since, kLater}}, precondition_failed);
  answers({{if_none_match, "\"e1\""}, {if_modified_since, kEarlier}}, not_modified);
  answers({{if_none_match, "\"e2\""}, {if_modified_since, kThen}}, full);
}

TEST_CASE("412 comes before 304, and both before the range") {
  answers({{if_match, "\"e2\""}, {if_none_match, "\"e1\""}}, precondition_failed);
  answers({{if_unmodified_since, kEarlier}, {if_none_match, "\"e1\""}}, precondition_failed);
  answers({{if_match, "\"e1\""}, {if_none_match, "\"e1\""}, {range, "bytes=0-1"}}, not_modified);
  answers({{if_match, "\"e2\""}, {range, "bytes=0-1"}}, precondition_failed);
  answers({{if_match, "\"e2\""}, {range, "bytes=900-"}}, precondition_failed);
  answers({{if_none_match, "\"e1\""}, {range, "bytes=900-"}}, not_modified);
  answers({{if_match, "\"e1\""}, {if_none_match, "\"e2\""}, {range, "bytes=0-1"}}, partial);
}

TEST_CASE("HEAD has preconditions and no range") {
  answers({{if_match, "\"e2\""}}, precondition_failed, Method::head);
  answers({{if_none_match, "\"e1\""}}, not_modified, Method::head);
  answers({{range, "bytes=0-1"}}, full, Method::head);
  answers({{range, "bytes=900-"}}, full, Method::head);
}

TEST_CASE("If-Range keeps the range for exactly this version") {
  answers({{range, "bytes=0-1"}, {if_range, "\"e1\""}}, partial);
  answers({{range, "bytes=0-1"}, {if_range, kThen}}, full);
  answers({{range, "bytes=0-1"}, {if_range, "W/\"e1\""}}, full);
  answers({{range, "bytes=0-1"}, {if_range, "\"e2\""}}, full);
  answers({{range, "bytes=0-1"}, {if_range, "\"e1\", \"e2\""}}, full);
  answers({{range, "bytes=0-1"}, {if_range, "*"}}, full);
  answers({{range, "bytes=0-1"}, {if_range, kEarlier}}, full);
  answers({{range, "bytes=0-1"}, {if_range, kLater}}, full);
  answers({{range, "bytes=0-1"}, {if_range, ""}}, full);
  answers({{range, "bytes=900-"}, {if_range, "\"e2\""}}, full);
  answers({{if_range, "\"e2\""}}, full);
}

TEST_CASE("one range: closed, open, suffix, cut at the end") {
  selects("bytes=0-0", 100, "0+1");
  selects("bytes=10-19", 100, "10+10");
  selects("bytes=99-99", 100, "99+1");
  selects("bytes=0-99", 100, "0+100");
  selects("bytes=95-1000", 100, "95+5");
  selects("bytes=95-", 100, "95+5");
  selects("bytes=-5", 100, "95+5");
  selects("bytes=-100", 100, "0+100");
  selects("bytes=-1000", 100, "0+100");
  selects("BYTES=0-1", 100, "0+2");
  selects("bytes= 0-1 ", 100, "0+2");
}

TEST_CASE("several ranges: in the order asked, without those beyond the end") {
  selects("bytes=0-0,-1", 100, "0+1 99+1");
  selects("bytes=50-59 ,\t0-9", 100, "50+10 0+10");
  selects("bytes=,0-1,, 5-6,", 100, "0+2 5+2");
  selects("bytes=0-1,100-200,5-", 100, "0+2 5+95");
  selects("bytes=0-1,-0", 100, "0+2");
  selects("bytes=0-9,5-14", 100, "0+10 5+10");
}

TEST_CASE("a range that selects nothing is unsatisfiable") {
  selects_nothing("bytes=100-", 100, range_unsatisfiable);
  selects_nothing("bytes=100-200,-0", 100, range_unsatisfiable);
  selects_nothing("bytes=-0", 100, range_unsatisfiable);
}

TEST_CASE("any range of an empty representation is all of it") {
  for (const char* range : {"bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-", "bytes=-0", "bytes=0-0,-1"}) {
    selects_nothing(range, 0, full);
  }
}

TEST_CASE("a range that is malformed or of another unit is ignored") {
  for (const char* range : {"bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-4",
                            "bytes=1-2-3", "bytes=1 -2", "bytes=--1", "bytes=+1-2", "bytes=0x1-2",
                            "bytes 0-1", "lines=0-1", "bytes=0-1;", "bytes=0-1,x", "=0-1", ""}) {
    selects_nothing(range, 100, full);
  }
}

TEST_CASE("numbers beyond 64 bits saturate") {
  constexpr uint64_t kLargest = INT64_MAX;
  selects("bytes=0-99999999999999999999999999", 100, "0+100");
  selects("bytes=-99999999999999999999999999", 100, "0+100");
  selects("bytes=18446744073709551614-18446744073709551615,0-0", 100, "0+1");
  selects("bytes=9223372036854775806-", kLargest, "9223372036854775806+1");
  selects_nothing("bytes=99999999999999999999999999-", 100, range_unsatisfiable);
  selects_nothing("bytes=18446744073709551616-18446744073709551617", kLargest, range_unsatisfiable);
}

TEST_CASE("as many ranges as the limit are selected, more refused") {
  selects("bytes=0-0,2-2,4-4,6-6", 100, "0+1 2+1 4+1 6+1");
  selects_nothing("bytes=0-0,2-2,4-4,6-6,8-8", 100, range_unsatisfiable);
  selects_nothing("bytes=0-0,200-,201-,202-,203-", 100, range_unsatisfiable);
}

TEST_CASE("two overlaps are selected, three refused") {
  selects("bytes=0-9,5-14,10-19", 100, "0+10 5+10 10+10");
  selects_nothing("bytes=0-,0-,0-", 100, range_unsatisfiable);
}

}  // namespace
}  // namespace sealgate
