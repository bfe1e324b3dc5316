// The signature that a URL carries: how it is read, what it is of, and how it is taken out.
#include "server/url_signature.h"

#include <doctest/doctest.h>

#include <string>

namespace sealgate {
namespace {

const std::string kSignature(64, 'a');
const std::string kSaid = "sg-expires=99&sg-key=k&sg-signature=" + kSignature;
constexpr size_t kRoot = 1;  // bytes of the path "/"

Reading reading(const std::string& target, size_t site_path = kRoot) {
  UrlSignature out;
  return read_url_signature(target, site_path, &out);
}

std::string text(const std::string& target, size_t site_path = kRoot) {
  UrlSignature out;
  return read_url_signature(target, site_path, &out) == Reading::whole ? out.text("h/") : "none";
}

std::string stripped(std::string target, size_t site_path = kRoot) {
  target.resize(strip_url_signature(target.data(), target.size(), site_path));
  return target;
}

bool stays(const std::string& path, size_t prefix) {
  const std::string target = path + "?" + kSaid + "&sg-prefix=" + std::to_string(prefix);
  UrlSignature out;
  CHECK(read_url_signature(target, kRoot, &out) == Reading::whole);
  return out.stays_inside();
}

TEST_CASE("a signature is read from the query and from the path, and leaves no trace there") {
  const std::string expected = "sealgate-url-1\nh/\n99\nk\n\n\npath\n/a/b";
  const struct {
    std::string target, left;
  } cases[] = {
      {"/a/b?" + kSaid, "/a/b"},
      {"/a/b?x=1&" + kSaid, "/a/b?x=1"},
      {"/a/b?" + kSaid + "&CMCD=br%3D1", "/a/b?CMCD=br%3D1"},
      {"/a/b?x&sg-expires=99&y&sg-key=k&&sg-signature=" + kSignature + "&z=", "/a/b?x&y&&z="},
      {"/~" + kSaid + "/a/b", "/a/b"},
      {"/~" + kSaid + "/a/b?x=1&y", "/a/b?x=1&y"},
  };
  for (const auto& [target, left] : cases) {
    CAPTURE(target);
    CHECK_EQ(text(target), expected);
    CHECK_EQ(stripped(target), left);
  }
}

TEST_CASE("below the path of a site the signature stands behind that path") {
  const std::string target = "/video/~" + kSaid + "/a/b";
  CHECK(text(target, 7).ends_with("\npath\n/video/a/b"));
  CHECK_EQ(stripped(target, 7), "/video/a/b");
  CHECK(reading("/video/x/~" + kSaid + "/a", 7) == Reading::unsigned_);
}

TEST_CASE("method, network and prefix are part of what is signed") {
  const std::string all = "sg-method=GET&sg-network=192.0.2.0_24&sg-prefix=3&" + kSaid;
  const std::string expected = "sealgate-url-1\nh/\n99\nk\nGET\n192.0.2.0_24\nprefix\n/a/";
  CHECK_EQ(text("/a/b?" + all), expected);
  CHECK_EQ(text("/~" + all + "/a/b"), expected);
  CHECK_EQ(text("/~" + all + "/a/other"), expected);
}

TEST_CASE("what is no signature is not taken for one") {
  for (const std::string target : {"/", "/a?b=c", "/~", "/~a/b", "/~sg/a", "/a/~sg-key=k/b", "/a?SG-key=k",
                                   "/a?%73g-key=k", "/a?x=sg-key=k", "/sg-key=k/a"}) {
    CAPTURE(target);
    CHECK(reading(target) == Reading::unsigned_);
    CHECK_EQ(stripped(target), target);
  }
}

TEST_CASE("half a signature, or more than one, is malformed") {
  const std::string targets[] = {
      "/a?sg-expires=99&sg-key=k",
      "/a?sg-signature=" + kSignature,
      "/a?sg-",
      "/a?sg-key",
      "/a?" + kSaid + "&sg-key=k",
      "/a?" + kSaid + "&sg-other=1",
      "/a?" + kSaid + "&sg-method=get",
      "/a?" + kSaid + "&sg-method=",
      "/a?" + kSaid + "&sg-network=",
      "/a?" + kSaid + "&sg-prefix=",
      "/a?" + kSaid + "&sg-prefix=0",
      "/a?" + kSaid + "&sg-prefix=3",  // longer than the path
      "/a?" + kSaid + "&sg-prefix=-1",
      "/a?" + kSaid + "&sg-prefix=9999999",
      "/a?" + kSaid + "a",
      "/a?" + kSaid.substr(0, kSaid.size() - 1),
      "/a?" + kSaid.substr(0, kSaid.size() - 1) + "A",
      "/a?" + kSaid + "%61",
      "/a?" + kSaid + std::string(8192, 'a'),
      "/a?sg-expires=99x&sg-key=k&sg-signature=" + kSignature,
      "/a?sg-expires=-1&sg-key=k&sg-signature=" + kSignature,
      "/a?sg-expires=999999999999&sg-key=k&sg-signature=" + kSignature,
      "/a?sg-expires=&sg-key=k&sg-signature=" + kSignature,
      "/a?sg-expires=99&sg-key=&sg-signature=" + kSignature,
      "/a?sg-expires=99&sg-key=" + std::string(65, 'k') + "&sg-signature=" + kSignature,
      "/~" + kSaid + "/a?" + kSaid,
      "/~" + kSaid + "/a?sg-prefix=1",
      "/~" + kSaid + "&x=1/a",
      "/~" + kSaid,
      "/~" + kSaid + "?x=/a",
  };
  for (const std::string& target : targets) {
    CAPTURE(target);
    CHECK(reading(target) == Reading::malformed);
  }
}

TEST_CASE("a prefix is left by no dot segment and no encoded slash") {
  for (const std::string path :
       {"/a/b", "/a/b.c/..d/e..", "/a//b", "/a/%20", "/a/%25", "/a/b%", "/a/...", "/a/%C3%A4"})
    CHECK_MESSAGE(stays(path, 3), path);
  for (const std::string path : {"/a/../b", "/a/..", "/a/./b", "/a/.", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e",
                                 "/a/%2fb", "/a/..%2Fb", "/a/b/../c"})
    CHECK_MESSAGE(!stays(path, 3), path);
  // The segment begins in what is signed.
  CHECK(!stays("/a/../b", 4));
}

TEST_CASE("an exact path is what was signed, whatever it means") {
  UrlSignature out;
  CHECK(read_url_signature("/a/%2e%2e/b?" + kSaid, kRoot, &out) == Reading::whole);
  CHECK(out.stays_inside());
}

TEST_CASE("GET includes HEAD, and HEAD is HEAD alone") {
  UrlSignature out;
  CHECK(out.is_for(Method::get));
  CHECK(out.is_for(Method::head));
  CHECK(!out.is_for(Method::put));
  out.method = "GET";
  CHECK(out.is_for(Method::head));
  out.method = "HEAD";
  CHECK(out.is_for(Method::head));
  CHECK(!out.is_for(Method::get));
}

TEST_CASE("logs have dots in the place of signatures") {
  CHECK_EQ(without_signatures("/a?x=1"), "/a?x=1");
  CHECK_EQ(without_signatures("/a?sg-signature=abc&x=1"), "/a?sg-signature=...&x=1");
  CHECK_EQ(without_signatures("https://h/~sg-key=k&sg-signature=abc/a"),
           "https://h/~sg-key=k&sg-signature=.../a");
  CHECK_EQ(without_signatures("?X-Amz-Signature=1&Signature=2&signature=3"),
           "?X-Amz-Signature=...&Signature=...&signature=...");
  CHECK_EQ(without_signatures("ignature="), "ignature=...");
}

}  // namespace
}  // namespace sealgate
