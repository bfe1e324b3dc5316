// plan_key() makes one key of all targets that a mount answers alike, and of no others.
#include "server/plan_key.h"

#include <doctest/doctest.h>

namespace sealgate {
namespace {

std::string text_of(const Mount& mount, std::string_view target) {
  std::string memory;
  const PlanKey key = plan_key(mount, target, memory);
  CHECK_EQ(key.mount, mount.id);
  return std::string(key.text);
}

const Mount kIgnores{3, "*", "/", true, {}};
const Mount kReads{4, "*", "/", true, {"version", "part"}};

TEST_CASE("the path counts as it was sent") {
  for (const Mount& mount : {kIgnores, kReads}) {
    for (const char* target :
         {"/a", "/a/", "/a//b", "/a/../b", "/%61", "/a%2Fb", "/a%2fb", "/a&version=1", "*"})
      CHECK_EQ(text_of(mount, target), target);
  }
}

TEST_CASE("a query is ignored where the mount's answers do not depend on it") {
  for (const char* target : {"/a", "/a?", "/a?v=3", "/a?version=1", "/a?%76ersion=1", "/a??", "/a?b?c"})
    CHECK_EQ(text_of(kIgnores, target), "/a");
}

TEST_CASE("parameters that the mount names stay, as they were sent and in their order; others go") {
  const struct {
    const char *target, *text;
  } cases[] = {
      {"/a?", "/a"},
      {"/a?utm_source=x", "/a"},
      {"/a?version=1", "/a?version=1"},
      {"/a?version=1&utm_source=x&part=2", "/a?version=1&part=2"},
      {"/a?part=2&version=1", "/a?part=2&version=1"},
      {"/a?version", "/a?version"},
      {"/a?version=", "/a?version="},
      {"/a?version=1&version=1", "/a?version=1&version=1"},
      {"/a?&&version=%31&&", "/a?version=%31"},
      {"/a?Version=1&versions=1&=version", "/a"},
      {"/a?v?version=1", "/a"},
      {"/a?x=1?version=1", "/a"},
  };
  for (const auto& [target, text] : cases) {
    CAPTURE(target);
    CHECK_EQ(text_of(kReads, target), text);
    CHECK_EQ(text_of(kReads, text), text);
  }
}

TEST_CASE("a parameter whose name is encoded may be one that counts, so it does") {
  CHECK_EQ(text_of(kReads, "/a?%76ersion=1"), "/a?%76ersion=1");
  CHECK_EQ(text_of(kReads, "/a?x=1&versio%6E=1"), "/a?versio%6E=1");
  CHECK_EQ(text_of(kReads, "/a?ver+sion=1"), "/a?ver+sion=1");
  CHECK_EQ(text_of(kReads, "/a?x=%76+"), "/a");
}

TEST_CASE("keys of two mounts differ, and so do their hashes") {
  const PlanKeyHash hash{KeyedHash(1, 2)};
  CHECK(PlanKey{1, 0, "/a"} != PlanKey{2, 0, "/a"});
  CHECK(hash({1, 0, "/a"}) != hash({2, 0, "/a"}));
  CHECK(PlanKey{1, 0, "/a"} == PlanKey{1, 0, std::string("/a")});
}

TEST_CASE(
    "keys of the same target for clients that accept different codings differ, and so do their hashes") {
  const PlanKeyHash hash{KeyedHash(1, 2)};
  CHECK(PlanKey{1, 64, "/a"} != PlanKey{1, 65, "/a"});
  CHECK(hash({1, 64, "/a"}) != hash({1, 65, "/a"}));
  CHECK(hash({1, 1, "/a"}) != hash({0, 1, "/a"}));
}

}  // namespace
}  // namespace sealgate
