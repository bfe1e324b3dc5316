// A file is sealed only while it is exactly what was recorded; each difference has its name.
#include "store/sealed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr std::string_view kContent = "sealed bytes";

struct stat stat_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) std::abort();
  return st;
}

// A blob as the store leaves it, and its record.
struct Blob {
  Blob() {
    write_file(path, kContent, 0444);
    record = {std::string(64, 'a'), kContent.size(), evidence_of(stat_of(path))};
  }
  // The record as the store would write it now: what was done to the file until here is no difference.
  void record_again() { record.evidence = evidence_of(stat_of(path)); }
  std::shared_ptr<const SealedFile> seal(bool allow_l0 = false) {
    const auto sealing = SealedFile::seal(path, record, allow_l0);
    why = sealing.why;
    return sealing.file;
  }
  std::string_view broken(bool allow_l0 = false) {
    CHECK(seal(allow_l0) == nullptr);
    return seal_break_name(why);
  }

  TempDir dir;
  std::string path = dir.at("blob");
  SealedFile::Record record;
  SealBreak why = SealBreak::content;
};

std::string_view recheck(const std::shared_ptr<const SealedFile>& file) {
  return seal_break_name(file->recheck());
}

TEST_CASE("a file that is what was recorded is sealed at level L1") {
  Blob blob;
  const auto file = blob.seal();
  REQUIRE(file != nullptr);
  CHECK_EQ(seal_break_name(blob.why), "none");
  CHECK(file->level() == SealLevel::l1);
  CHECK_EQ(file->size(), kContent.size());
  CHECK_EQ(file->digest(), blob.record.digest);
  CHECK_EQ(recheck(file), "none");
  char bytes[64];
  CHECK_EQ(::pread(file->fd(), bytes, sizeof bytes, 0), kContent.size());
  CHECK_EQ(std::string_view(bytes, kContent.size()), kContent);
}

TEST_CASE("the descriptor closes with the last owner, and not before") {
  Blob blob;
  auto file = blob.seal();
  REQUIRE(file != nullptr);
  const int fd = file->fd();
  auto other = file;
  file.reset();
  CHECK(::fcntl(fd, F_GETFD) >= 0);
  other.reset();
  CHECK(::fcntl(fd, F_GETFD) < 0);
}

TEST_CASE("a file that is not sealed leaves no descriptor open") {
  Blob blob;
  const int free = ::dup(0);  // the lowest free descriptor
  ::close(free);
  blob.record.size++;
  CHECK_EQ(blob.broken(), "size");
  const int next = ::dup(0);
  ::close(next);
  CHECK_EQ(next, free);
}

TEST_CASE("a file that is gone is missing") {
  Blob blob;
  ::unlink(blob.path.c_str());
  CHECK_EQ(blob.broken(), "missing");
  CHECK_EQ(blob.broken(true), "missing");
}

TEST_CASE("a file that is removed while it is sent is as sealed until it is written to") {
  Blob blob;
  const Fd before(::open(blob.path.c_str(), O_RDONLY));
  REQUIRE(static_cast<bool>(before));
  const auto file = blob.seal();
  REQUIRE(file != nullptr);
  ::unlink(blob.path.c_str());
  CHECK(file->recheck() == SealBreak::evidence);
  CHECK(file->recheck(SealedFile::Name::may_be_gone) == SealBreak::none);
  const timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
  REQUIRE(::futimens(before.get(), times) == 0);
  CHECK(file->recheck(SealedFile::Name::may_be_gone) == SealBreak::evidence);
}

TEST_CASE("a path that cannot be opened is unreadable") {
  Blob blob;
  blob.path += "/below-a-file";
  CHECK_EQ(blob.broken(), "unreadable");
}

TEST_CASE("a directory and a symbolic link are no files") {
  Blob blob;
  const std::string target = blob.path;
  blob.path = blob.dir.at("directory");
  CHECK_EQ(::mkdir(blob.path.c_str(), 0755), 0);
  CHECK_EQ(blob.broken(true), "not-a-file");
  blob.path = blob.dir.at("link");
  CHECK_EQ(::symlink(target.c_str(), blob.path.c_str()), 0);
  CHECK_EQ(blob.broken(true), "not-a-file");
}

TEST_CASE("a file that grew or shrank has another size") {
  Blob blob;
  const auto file = blob.seal();
  REQUIRE(file != nullptr);
  write_file(blob.path, "sealed", 0444);
  CHECK_EQ(blob.broken(), "size");
  CHECK_EQ(blob.broken(true), "size");
  CHECK_EQ(recheck(file), "size");
  write_file(blob.path, "sealed bytes and more", 0444);
  CHECK_EQ(blob.broken(), "size");
}

TEST_CASE("bytes changed in place are found by their evidence, though size and mode are the same") {
  Blob blob;
  const auto file = blob.seal();
  REQUIRE(file != nullptr);
  struct stat before = stat_of(blob.path);
  while (evidence_of(stat_of(blob.path)) == evidence_of(before)) write_file(blob.path, "SEALED BYTES", 0444);
  CHECK_EQ(blob.broken(), "evidence");
  CHECK_EQ(blob.broken(true), "evidence");
  CHECK_EQ(recheck(file), "evidence");
}

TEST_CASE("the same bytes in another inode are not the file that was verified") {
  Blob blob;
  const auto file = blob.seal();
  REQUIRE(file != nullptr);
  write_file(blob.dir.at("copy"), kContent, 0444);
  CHECK_EQ(::rename(blob.dir.at("copy").c_str(), blob.path.c_str()), 0);
  CHECK_EQ(blob.broken(), "evidence");
}

TEST_CASE("turning the clock of a file back does not hide a change") {
  Blob blob;
  const timespec times[2] = {{0, UTIME_OMIT}, {1, 0}};
  const struct stat before = stat_of(blob.path);
  while (evidence_of(stat_of(blob.path)) == evidence_of(before)) {
    CHECK_EQ(::utimensat(AT_FDCWD, blob.path.c_str(), times, 0), 0);
  }
  CHECK_EQ(blob.broken(), "evidence");
}

TEST_CASE("a file that its owner may write is not pinned") {
  for (const mode_t mode : {0644, 0445, 0400, 04444}) {
    Blob blob;
    CHECK_EQ(::chmod(blob.path.c_str(), mode), 0);
    blob.record_again();
    CHECK_EQ(blob.broken(), "mode");
    const auto file = blob.seal(true);
    REQUIRE(file != nullptr);
    CHECK(file->level() == SealLevel::l0);
    CHECK_EQ(recheck(file), "none");
  }
}

TEST_CASE("a file with a second name is not pinned") {
  Blob blob;
  CHECK_EQ(::link(blob.path.c_str(), blob.dir.at("other").c_str()), 0);
  blob.record_again();
  CHECK_EQ(blob.broken(), "links");
  const auto file = blob.seal(true);
  REQUIRE(file != nullptr);
  CHECK(file->level() == SealLevel::l0);
  CHECK_EQ(recheck(file), "none");
}

TEST_CASE("allowing L0 takes nothing from a file that can be pinned") {
  Blob blob;
  const auto file = blob.seal(true);
  REQUIRE(file != nullptr);
  CHECK(file->level() == SealLevel::l1);
}

TEST_CASE("evidence is the inode and its last change to the nanosecond") {
  struct stat st {};
  st.st_ino = 7;
  st.st_ctim = {1700000000, 42};
  CHECK_EQ(evidence_of(st), "7:1700000000.42");
}

}  // namespace
}  // namespace sealgate
