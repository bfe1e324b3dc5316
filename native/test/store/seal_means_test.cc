// What a file system can do is tried on a file of its own, which does not stay.
#include "store/seal_means.h"

#include <dirent.h>

#include <doctest/doctest.h>
#include "test/temp_dir.h"

namespace sealgate {
namespace {

size_t entries(const std::string& folder) {
  DIR* const dir = ::opendir(folder.c_str());
  size_t count = 0;
  while (::readdir(dir)) count++;
  ::closedir(dir);
  return count - 2;  // . and ..
}

TEST_CASE("nothing is left in the folder that was tried") {
  const TempDir dir;
  SealMeans means;
  REQUIRE(seal_means(dir.at("."), &means).ok());
  CHECK(!means.file_system.empty());
  CHECK(!means.read_only);
  CHECK(means.lease.ok());  // of a file that is ours and nobody writes to
  CHECK_EQ(entries(dir.at(".")), size_t{0});
}

TEST_CASE("a folder that is not there is an error") {
  SealMeans means;
  CHECK_EQ(seal_means("/nonexistent/folder", &means).error, ENOENT);
}

}  // namespace
}  // namespace sealgate
