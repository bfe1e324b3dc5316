// MountTable finds the mount that a request is for by its host and its path.
#include "server/mounts.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace sealgate {
namespace {

// Mounts at places like "x.example/a/", with ids from 1 on.
std::vector<Mount> mounts(const std::vector<std::string>& places) {
  std::vector<Mount> out;
  for (const std::string& place : places) {
    const size_t slash = place.find('/');
    out.push_back(
        {static_cast<uint32_t>(out.size() + 1), place.substr(0, slash), place.substr(slash), true, {}});
  }
  return out;
}

std::string found(const MountTable& table, std::string_view authority, std::string_view target) {
  const Mount* const mount = table.find(authority, target);
  return mount ? mount->host + mount->path : "none";
}

const std::vector<std::string> kSites = {"*/",           "*/a/",         "*/a/b/",
                                         "x.example/",   "x.example/a/", "*.example/",
                                         "*.x.example/", "y.test/a/",    "[::1]/six/"};

TEST_CASE("the most specific host decides, then the longest path; the rest falls back to wider hosts") {
  const struct {
    const char *authority, *target, *place;
  } cases[] = {
      {"other.test", "/", "*/"},
      {"other.test", "/a", "*/"},
      {"other.test", "/a/", "*/a/"},
      {"other.test", "/a/b/c?/a/", "*/a/b/"},
      {"other.test", "/a?x=/a/b/", "*/"},
      {"other.test", "/ab/", "*/"},
      {"other.test", "/A/", "*/"},
      {"other.test", "/%61/", "*/"},
      {"other.test", "*", "*/"},
      {"x.example", "/", "x.example/"},
      {"x.example", "*", "x.example/"},
      {"x.example", "/a/b/c", "x.example/a/"},
      {"X.Example.:8443", "/a/", "x.example/a/"},
      {"x.example:", "/a/", "x.example/a/"},
      {"x.example:80:80", "/a/", "*/a/"},
      {"x.example..", "/", "*/"},
      {"z.example", "/a/", "*.example/"},
      {"deep.x.example", "/", "*.x.example/"},
      {"deeper.deep.x.example", "/a/", "*.x.example/"},
      {"example", "/", "*/"},
      {".example", "/", "*/"},
      {"..example", "/", "*.example/"},
      {"y.test", "/a/b/", "y.test/a/"},
      {"y.test", "/b/", "*/"},
      {"y.test.example", "/a/", "*.example/"},
      {"[::1]", "/six/", "[::1]/six/"},
      {"[::1]:8443", "/six/", "[::1]/six/"},
      {"", "/", "*/"},
      {"*", "/a/", "*/a/"},
      {"*.example", "/", "*.example/"},
  };
  std::vector<std::string> order = kSites;
  for (const bool reversed : {false, true}) {
    if (reversed) std::reverse(order.begin(), order.end());
    const MountTable table(mounts(order));
    for (const auto& [authority, target, place] : cases) {
      CAPTURE(authority);
      CAPTURE(target);
      CHECK_EQ(found(table, authority, target), place);
    }
  }
}

TEST_CASE("a path that no mount covers has none") {
  const MountTable table(mounts({"*/a/", "x.example/"}));
  CHECK_EQ(found(table, "other.test", "/b"), "none");
  CHECK_EQ(found(table, "other.test", "*"), "none");
  CHECK_EQ(found(table, "x.example", "/b"), "x.example/");
  CHECK_EQ(found(MountTable({}), "x.example", "/"), "none");
}

TEST_CASE("a single mount at / has every request, whatever its host") {
  const MountTable table(mounts({"*/"}));
  for (const char* authority : {"", "a", "a:80", "::", "*"}) CHECK_EQ(found(table, authority, "/x"), "*/");
  CHECK_EQ(found(MountTable(mounts({"x.example/"})), "y", "/x"), "none");
}

TEST_CASE("a name longer than DNS has is that of no mount") {
  const MountTable table(mounts(kSites));
  std::string longest(246, 'a');
  longest += ".example:65535";
  CHECK_EQ(found(table, longest, "/"), "*.example/");
  CHECK_EQ(found(table, "aa" + longest, "/"), "*/");
}

}  // namespace
}  // namespace sealgate
