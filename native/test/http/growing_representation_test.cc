// What a request for a representation that is still growing is answered with.
#include <doctest/doctest.h>
#include "http/representation.h"

namespace sealgate {
namespace {

using Fields = std::vector<std::pair<Field, const char*>>;

struct Asked {
  Fields fields;
  uint64_t length = 100;
  Method method = Method::get;
};

std::string answer(const Asked& asked) {
  Request request;
  request.method = asked.method;
  for (const auto& [field, value] : asked.fields) request.fields[static_cast<size_t>(field)] = value;
  GrowingRange range;
  switch (evaluate_growing(request, asked.length, &range)) {
    case GrowingOutcome::full: return "full";
    case GrowingOutcome::partial: return std::to_string(range.first) + "-" + std::to_string(range.last);
    case GrowingOutcome::wait: return "wait";
    case GrowingOutcome::precondition_failed: return "precondition failed";
  }
  return "";
}

TEST_CASE("entity tags: none fits, so If-Match fails and If-None-Match holds") {
  for (const char* tag : {"\"e1\"", "*", "W/\"e1\"", "nonsense"}) {
    CHECK_EQ(answer({{{Field::if_match, tag}}}), "precondition failed");
    CHECK_EQ(answer({{{Field::if_none_match, tag}}}), "full");
  }
}

TEST_CASE("dates: If-Unmodified-Since fails, and If-Modified-Since is answered with what there is") {
  constexpr const char* kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
  CHECK_EQ(answer({{{Field::if_unmodified_since, kDate}}}), "precondition failed");
  CHECK_EQ(answer({{{Field::if_modified_since, kDate}}}), "full");
}

TEST_CASE("a range within what there is") {
  CHECK_EQ(answer({{{Field::range, "bytes=0-9"}}}), "0-9");
  CHECK_EQ(answer({{{Field::range, "BYTES=99-99"}}}), "99-99");
}

TEST_CASE("a range without an end, or with one beyond what there is, ends with what there is") {
  CHECK_EQ(answer({{{Field::range, "bytes=1-"}}}), "1-99");
  CHECK_EQ(answer({{{Field::range, "bytes=40-100"}}}), "40-99");
  CHECK_EQ(answer({{{Field::range, "bytes=40-1099511627776"}}}), "40-99");
}

TEST_CASE("a range that ends beyond any size goes on, and its end is said as it was asked") {
  CHECK_EQ(answer({{{Field::range, "bytes=40-9007199254740991"}}}), "40-9007199254740991");
  CHECK_EQ(answer({{{Field::range, "bytes=40-18446744073709551614"}}}), "40-18446744073709551614");
}

TEST_CASE("a range behind what there is waits") {
  for (const char* range : {"bytes=100-", "bytes=100-109", "bytes=500-9007199254740991"}) {
    CHECK_EQ(answer({{{Field::range, range}}}), "wait");
  }
  CHECK_EQ(answer({{{Field::range, "bytes=0-0"}}, 0}), "wait");
}

TEST_CASE("a range of everything is ignored, so that its reader gets what is to come") {
  CHECK_EQ(answer({{{Field::range, "bytes=0-"}}}), "full");
  CHECK_EQ(answer({{{Field::range, "bytes=00-"}}}), "full");
  CHECK_EQ(answer({{{Field::range, "bytes=0-"}}, 0}), "full");
}

TEST_CASE("other ranges are ignored") {
  for (const char* range : {"bytes=-5", "bytes=0-4,6-9", "bytes=9-0", "items=0-4", "bytes=", "bytes=a-b",
                            "bytes=0-99999999999999999999999", "bytes=0-4x", ""})
    CHECK_EQ(answer({{{Field::range, range}}}), "full");
  CHECK_EQ(answer({{{Field::range, "bytes=0-4"}}, 100, Method::head}), "full");
  CHECK_EQ(answer({{{Field::range, "bytes=0-4"}, {Field::if_range, "\"e1\""}}}), "full");
}

}  // namespace
}  // namespace sealgate
