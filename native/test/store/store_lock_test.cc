// One holder at a time has a store's lock, and it ends with its holder.
#include "store/store_lock.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include "test/temp_dir.h"

namespace sealgate {
namespace {

TEST_CASE("a second holder is refused until the first lets go") {
  TempDir dir;
  StoreLock first, second;
  CHECK(StoreLock::take(dir.at("lock"), &first).ok());
  CHECK_EQ(StoreLock::take(dir.at("lock"), &second).error, EWOULDBLOCK);
  first.release();
  CHECK(StoreLock::take(dir.at("lock"), &second).ok());
}

TEST_CASE("the holder's pid stands in the file, and a refused one does not overwrite it") {
  TempDir dir;
  write_file(dir.at("lock"), "a longer text of an earlier holder\n");
  StoreLock first, second;
  CHECK(StoreLock::take(dir.at("lock"), &first).ok());
  CHECK(!StoreLock::take(dir.at("lock"), &second).ok());
  CHECK_EQ(read_file(dir.at("lock")), std::to_string(::getpid()) + "\n");
}

TEST_CASE("the lock of a process that was killed is free") {
  TempDir dir;
  int held[2];
  REQUIRE(::pipe(held) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    StoreLock lock;
    const char taken = StoreLock::take(dir.at("lock"), &lock).ok() ? 'y' : 'n';
    if (::write(held[1], &taken, 1) == 1) ::pause();
    ::_exit(1);
  }
  char taken = 0;
  CHECK_EQ(::read(held[0], &taken, 1), 1);
  CHECK(taken == 'y');
  StoreLock lock;
  CHECK_EQ(StoreLock::take(dir.at("lock"), &lock).error, EWOULDBLOCK);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(StoreLock::take(dir.at("lock"), &lock).ok());
  ::close(held[0]);
  ::close(held[1]);
}

TEST_CASE("a folder is locked itself, and nothing is made in it") {
  TempDir dir;
  CHECK_EQ(::mkdir(dir.at("store").c_str(), 0700), 0);
  StoreLock first, second;
  CHECK(StoreLock::take(dir.at("store"), &first).ok());
  CHECK_EQ(StoreLock::take(dir.at("store"), &second).error, EWOULDBLOCK);
  CHECK_EQ(::rmdir(dir.at("store").c_str()), 0);
}

TEST_CASE("a lock file is the owner's alone, as whoever may open it may hold it") {
  TempDir dir;
  StoreLock lock;
  CHECK(StoreLock::take(dir.at("lock"), &lock).ok());
  struct stat found {};
  CHECK_EQ(::stat(dir.at("lock").c_str(), &found), 0);
  CHECK_EQ(found.st_mode & 0777, 0600U);
}

TEST_CASE("a lock that another holder gave lasts until both have let go, and names the new one") {
  TempDir dir;
  StoreLock first, second, third;
  REQUIRE(StoreLock::take(dir.at("lock"), &first).ok());
  write_file(dir.at("lock"), "another process");
  REQUIRE(StoreLock::adopt(dir.at("lock"), first.file().copy(), &second).ok());
  CHECK_EQ(read_file(dir.at("lock")), std::to_string(::getpid()) + "\n");
  first.release();
  CHECK_EQ(StoreLock::take(dir.at("lock"), &third).error, EWOULDBLOCK);
  second.release();
  CHECK(StoreLock::take(dir.at("lock"), &third).ok());
}

TEST_CASE("a lock of another file is no lock of this one") {
  TempDir dir;
  StoreLock other, lock;
  REQUIRE(StoreLock::take(dir.at("other"), &other).ok());
  write_file(dir.at("lock"), "");
  CHECK_EQ(StoreLock::adopt(dir.at("lock"), other.file().copy(), &lock).error, ESTALE);
}

TEST_CASE("a lock file that is a symbolic link is not followed") {
  TempDir dir;
  CHECK_EQ(::symlink(dir.at("elsewhere").c_str(), dir.at("lock").c_str()), 0);
  StoreLock lock;
  CHECK_EQ(StoreLock::take(dir.at("lock"), &lock).error, ELOOP);
  CHECK(!exists(dir.at("elsewhere")));
}

}  // namespace
}  // namespace sealgate
