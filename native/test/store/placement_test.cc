// Blobs that are placed together: each has its own outcome, and one sync or one for each.
#include "store/placement.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "base/fd.h"
#include "store/staging_file.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

void stage(const std::string& path, std::string_view content) {
  StagingFile file;
  REQUIRE(file.open(path).ok());
  REQUIRE(file.write(content.data(), content.size()).ok());
  REQUIRE(file.finish().ok());
}

// A new blob, one that is there, and one whose staging file is gone.
std::array<Placing, 3> three(const TempDir& dir) {
  stage(dir.at("new"), "abc");
  stage(dir.at("again"), "again");
  ::mkdir(dir.at("ba").c_str(), 0755);
  ::mkdir(dir.at("ba/78").c_str(), 0755);
  write_file(dir.at("ba/78/there"), "first bytes", 0444);
  std::array<Placing, 3> all;
  all[0].staging = dir.at("new"), all[0].blob = dir.at("ba/79/blob");
  all[1].staging = dir.at("again"), all[1].blob = dir.at("ba/78/there");
  all[2].staging = dir.at("gone"), all[2].blob = dir.at("ab/cd/blob");
  return all;
}

void check_outcomes(const TempDir& dir, const std::array<Placing, 3>& all) {
  CHECK(all[0].status.ok());
  CHECK(all[0].placement.created);
  CHECK_EQ(all[0].placement.size, 3);
  CHECK_EQ(read_file(dir.at("ba/79/blob")), "abc");
  CHECK(all[1].status.ok());
  CHECK(!all[1].placement.created);
  CHECK_EQ(read_file(dir.at("ba/78/there")), "first bytes");
  CHECK_EQ(read_file(dir.at("again")), "again");
  CHECK_EQ(all[2].status.error, ENOENT);
}

TEST_CASE("blobs placed together: each has its own outcome") {
  TempDir dir;
  auto all = three(dir);
  const Fd folder(::open(dir.at("").c_str(), O_RDONLY | O_DIRECTORY));
  CHECK(place_together(folder.get(), all).ok());
  check_outcomes(dir, all);
}

TEST_CASE("blobs placed together whose sync fails are synced one by one, and the failure is told") {
  TempDir dir;
  auto all = three(dir);
  CHECK_EQ(place_together(-1, all).error, EBADF);
  check_outcomes(dir, all);
}

}  // namespace
}  // namespace sealgate
