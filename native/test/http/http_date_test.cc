// HTTP dates (RFC 9110 5.6.7) are written in one format and read in three.
#include <doctest/doctest.h>
#include "http/representation.h"

namespace sealgate {
namespace {

constexpr int64_t kNow = 1767225600;  // Thu, 01 Jan 2026 00:00:00 GMT

std::string written(int64_t seconds) {
  char text[30] = {};
  text[29] = '!';
  format_http_date(seconds, text);
  CHECK(text[29] == '!');
  return {text, 29};
}

void reads(const char* text, int64_t expected) {
  INFO(std::string(text));
  int64_t seconds = -1;
  CHECK(parse_http_date(text, kNow, &seconds));
  CHECK_EQ(seconds, expected);
}

void refuses(const char* text) {
  INFO(std::string(text));
  int64_t seconds = -1;
  CHECK(!parse_http_date(text, kNow, &seconds));
  CHECK_EQ(seconds, -1);
}

TEST_CASE("a date is written as IMF-fixdate") {
  CHECK_EQ(written(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK_EQ(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK_EQ(written(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
  CHECK_EQ(written(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST_CASE("a date that was written is read back") {
  for (int64_t seconds = 0; seconds < 4102444800; seconds += 86'400 * 17 + 3'601) {
    reads(written(seconds).c_str(), seconds);
  }
}

TEST_CASE("all three formats of RFC 9110 are read") {
  reads("Sun, 06 Nov 1994 08:49:37 GMT", 784111777);
  reads("Sunday, 06-Nov-94 08:49:37 GMT", 784111777);
  reads("Sun Nov  6 08:49:37 1994", 784111777);
  reads("Wed Nov 16 08:49:37 1994", 784975777);
}

TEST_CASE("a leap second is read") { reads("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800); }

TEST_CASE("a year of two digits lies at most 50 years ahead") {
  reads("Thursday, 01-Jan-26 00:00:00 GMT", kNow);
  reads("Wednesday, 01-Jan-76 00:00:00 GMT", 3345062400);  // 2076
  reads("Saturday, 01-Jan-77 00:00:00 GMT", 220924800);    // 1977
}

TEST_CASE("a text that is no date is refused") {
  for (const char* text : {"",
                           "Sun",
                           "784111777",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 +0000",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun,06 Nov 1994 08:49:37 GMT",
                           "Son, 06 Nov 1994 08:49:37 GMT",
                           "sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Foo 1994 08:49:37 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sun, -6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:00 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 32 Nov 1994 08:49:37 GMT",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 1994 GMT"}) {
    refuses(text);
  }
}

TEST_CASE("a day that its month does not have is refused") {
  refuses("Thu, 31 Nov 1994 08:49:37 GMT");
  refuses("Wed, 30 Feb 2000 00:00:00 GMT");
  refuses("Thu, 29 Feb 2001 00:00:00 GMT");
}

}  // namespace
}  // namespace sealgate
