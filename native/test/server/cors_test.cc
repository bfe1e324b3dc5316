// An origin that a mount allows is told so, others are not, and every answer says that it depends on Origin.
#include "server/cors.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

Cors rule() {
  return {false,
          {"https://app.test", "https://*.wild.test", "http://*.port.test:8080", "null"},
          {"Access-Control-Allow-Origin"},
          {{"Access-Control-Expose-Headers", "ETag"}}};
}

std::string fields(const Cors& cors, const std::string& lines) {
  Request request;
  request.head = lines;
  ResponseHead head;
  cors.add_to(head, request);
  std::string text;
  for (const auto& [name, value] : head.fields()) text.append(name).append("=").append(value).append(";");
  return text;
}

const std::string kRefused = "Vary=Origin;";
std::string allowed(const std::string& origin) {
  return kRefused + "Access-Control-Allow-Origin=" + origin + ";Access-Control-Expose-Headers=ETag;";
}

TEST_CASE("an origin of the list, and one below a wildcard, is sent back") {
  for (const char* origin : {"https://app.test", "https://a.wild.test", "https://a.b-c.wild.test",
                             "http://x.port.test:8080", "null"}) {
    CHECK_EQ(fields(rule(), "A: b\r\noRiGiN: \t" + std::string(origin) + " \r\nC: d\r\n"), allowed(origin));
  }
}

TEST_CASE("another origin, and what is no origin, gets Vary alone") {
  for (const char* origin :
       {"https://app.test.evil", "http://app.test", "https://app.test:444", "https://APP.test",
        "https://app.test/", "https://wild.test", "https://.wild.test", "https://evilwild.test",
        "https://evil.test#.wild.test", "https://evil.test/.wild.test", "https://evil.test:1.wild.test",
        "https://a@b.wild.test", "https://*.wild.test", "http://x.port.test", "http://x.port.test:80801", "",
        "*", "https://app.test, https://app.test"}) {
    CHECK_EQ(fields(rule(), "Origin: " + std::string(origin) + "\r\n"), kRefused);
  }
  CHECK_EQ(fields(rule(), ""), kRefused);
  CHECK_EQ(fields(rule(), "X-Origin: https://app.test\r\n"), kRefused);
  CHECK_EQ(fields(rule(), "Origin: https://app.test\r\nOrigin: https://app.test\r\n"), kRefused);
}

TEST_CASE("Vary of the application names the origin already: there is no second line") {
  Request request;
  ResponseHead head;
  head.add("Vary", "Accept-Encoding, Origin");
  rule().add_to(head, request);
  CHECK_EQ(head.fields().size(), 1);
}

TEST_CASE("a rule for any origin adds the same to each answer") {
  const Cors any{true, {}, {}, {{"Access-Control-Allow-Origin", "*"}}};
  for (const char* lines : {"", "Origin: https://app.test\r\n", "Origin: nonsense\r\n"})
    CHECK_EQ(fields(any, lines), "Access-Control-Allow-Origin=*;");
}

TEST_CASE("an answer is the common one without Origin, or when any origin is allowed") {
  Request plain, crossing;
  plain.head = "Accept: */*\r\n";
  crossing.head = "Origin: https://a.test\r\n";
  const Cors any{true, {}, {}, {}};
  CHECK(rule().same_for(plain));
  CHECK(!rule().same_for(crossing));
  CHECK(any.same_for(crossing));
}

}  // namespace
}  // namespace sealgate
