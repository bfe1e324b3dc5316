// The codings that a client gets, and in which order, by its Accept-Encoding.
#include "http/accepted_codings.h"

#include <doctest/doctest.h>

#include <string>

namespace sealgate {
namespace {

std::string order(const std::string& head) {
  uint32_t codings = accepted_codings(head);
  CHECK((codings & kCodingsAsked) != 0);
  std::string out;
  for (codings &= ~kCodingsAsked; codings != 0; codings >>= 2) {
    out += out.empty() ? "" : " ";
    out += kContentCodingNames[(codings & 3) - 1];
  }
  return out;
}
std::string of(const std::string& value) { return order("Host: a\r\nAccept-Encoding: " + value + "\r\n"); }

TEST_CASE("a client that likes several equally gets br, zstd and gzip in this order") {
  CHECK_EQ(of("gzip, deflate, br, zstd"), "br zstd gzip");
  CHECK_EQ(of("gzip, deflate, br"), "br gzip");
  CHECK_EQ(of("GZIP ,\tBr"), "br gzip");
  CHECK_EQ(of("x-gzip"), "gzip");
  CHECK_EQ(of("*"), "br zstd gzip");
}

TEST_CASE("a weight goes before the order, and 0 refuses") {
  CHECK_EQ(of("br;q=0.5, gzip;q=0.8, zstd;q=0.501"), "gzip zstd br");
  CHECK_EQ(of("br;q=0, gzip"), "gzip");
  CHECK_EQ(of("br;q=0.000, *;q=0.1"), "zstd gzip");
  CHECK_EQ(of("gzip ; q=0.001"), "gzip");
  CHECK_EQ(of("gzip;Q=1.000, br;q=0.999"), "gzip br");
}

TEST_CASE("the bytes as they are come first where they weigh more, and where all else is refused") {
  CHECK_EQ(of("identity;q=1, *;q=0"), "");
  CHECK_EQ(of("identity, gzip;q=0.9, br"), "br");
  CHECK_EQ(of("identity;q=0.5, gzip;q=0.5, br;q=0.4"), "gzip");
  CHECK_EQ(of("identity;q=0, *;q=0"), "");
  CHECK_EQ(of("identity"), "");
  CHECK_EQ(of("*;q=0"), "");
}

TEST_CASE("no field, an empty one and what is malformed name nothing") {
  CHECK_EQ(order(""), "");
  CHECK_EQ(order("Host: a\r\n"), "");
  CHECK_EQ(order("X-Accept-Encoding: gzip\r\n"), "");
  for (const char* value :
       {"", ",", ", ,", "gzip;q=2", "gzip;q=1.001", "gzip;q=0.1234", "gzip;q=", "gzip;q=-1", "gzip;q=.5",
        "gzip;q=1x", "gzip;level=9", "gzip;q=1;q=0", "gzip br", "gzip;", ";", "deflate", "gz", "gzip2"})
    CHECK_EQ(of(value), "");
  CHECK_EQ(of("gzip;q=2, br"), "br");
  CHECK_EQ(of(",,br,,"), "br");
}

TEST_CASE("several lines are one list") {
  CHECK_EQ(order("Accept-Encoding: gzip\r\nHost: a\r\naccept-encoding: br\r\n"), "br gzip");
  CHECK_EQ(order("Accept-Encoding: gzip\r\nAccept-Encoding: gzip;q=0"), "");
}

TEST_CASE("a range without an entity tag is of the bytes as they are, any other request of a coding") {
  Request request;
  request.head = "Accept-Encoding: br\r\n";
  const auto answered = [&](std::initializer_list<Field> fields, Method method = Method::get) {
    request.method = method;
    request.fields = {};
    for (const Field field : fields) request.fields[static_cast<size_t>(field)] = "x";
    return acceptable_codings(request) != kCodingsAsked;
  };
  CHECK(answered({}));
  CHECK_FALSE(answered({Field::range}));
  CHECK_FALSE(answered({Field::range, Field::if_none_match, Field::if_unmodified_since}));
  CHECK(answered({Field::range, Field::if_range}));
  CHECK(answered({Field::range, Field::if_match}));
  CHECK(answered({Field::range}, Method::head));
}

}  // namespace
}  // namespace sealgate
