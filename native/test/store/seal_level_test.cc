// Levels are given as far as the file system and the rights of the process allow, and are found again when
// the file is opened. Each test knows by trying (seal_means) what this machine can do, and asks for no less.
#include "store/seal_level.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

#include "base/fd.h"
#include "store/placement.h"
#include "store/read_only.h"
#include "store/seal_means.h"
#include "store/sealed_file.h"
#include "store/staging_file.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr std::string_view kContent = "sealed bytes";

bool refused(int result) { return result < 0 && errno == EPERM; }

// A file, and its immutable attribute taken away before its folder goes.
struct File {
  File() { write_file(path, kContent, 0444); }
  ~File() { (void)release_file(path); }
  Fd open(int flags = O_RDONLY) const { return Fd(::open(path.c_str(), flags | O_CLOEXEC)); }
  struct stat stat() const {
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0) std::abort();
    return st;
  }
  Status raise(SealLevel wanted, Raised* out) const {
    const Fd fd = open();
    return raise_seal(fd.get(), stat(), wanted, out);
  }
  SealMeans means() const {
    SealMeans found;
    if (!seal_means(dir.at("."), &found).ok()) std::abort();
    return found;
  }
  SealedFile::Sealing seal(const Evidence& evidence) const {
    return SealedFile::seal(path, {std::string(64, 'a'), kContent.size(), evidence}, true);
  }

  TempDir dir;
  const std::string path = dir.at("blob");
};

// Times of files move by ticks of some milliseconds; what changes within one does not show in them.
void wait_for_a_later_time(const File& file) {
  const File other;
  const timespec now = file.stat().st_ctim;
  for (timespec later = now; later.tv_sec == now.tv_sec && later.tv_nsec == now.tv_nsec;
       later = other.stat().st_ctim)
    CHECK_EQ(::chmod(other.path.c_str(), 0444), 0);
}

TEST_CASE("L1 wanted: the file is left as it is, and its evidence is that of its inode") {
  const File file;
  const std::string before = evidence_of(file.stat());
  Raised raised;
  REQUIRE(file.raise(SealLevel::l1, &raised).ok());
  CHECK(raised.level == SealLevel::l1);
  CHECK_EQ(raised.evidence.text(), before);
  CHECK_EQ(evidence_of(file.stat()), before);
}

TEST_CASE("L2 wanted: nobody can write, remove or rename the file; without the right to it the level is L1") {
  const File file;
  const SealMeans means = file.means();
  Raised raised;
  REQUIRE(file.raise(SealLevel::l2, &raised).ok());
  CHECK(raised.evidence.fits(file.stat()));
  if (!means.immutable.ok()) {
    CHECK(raised.level == SealLevel::l1);
    CHECK_EQ(raised.failure.error, means.immutable.error);
    CHECK(file.seal(raised.evidence).file->level() == SealLevel::l1);
    return;
  }
  CHECK(raised.level == SealLevel::l2);
  CHECK(raised.failure.ok());
  CHECK(raised.evidence.text().ends_with(" immutable"));
  CHECK(refused(::open(file.path.c_str(), O_WRONLY)));
  CHECK(refused(::truncate(file.path.c_str(), 0)));
  CHECK(refused(::unlink(file.path.c_str())));
  CHECK(refused(::rename(file.path.c_str(), file.dir.at("other").c_str())));
  const auto sealing = file.seal(raised.evidence.text());
  REQUIRE(sealing.file != nullptr);
  CHECK(sealing.file->level() == SealLevel::l2);
  CHECK(sealing.file->held_by_kernel());
  wait_for_a_later_time(file);
  CHECK(release_file(file.path).ok());
  CHECK_EQ(seal_break_name(sealing.file->recheck()), "evidence");
  CHECK_EQ(seal_break_name(file.seal(raised.evidence).why), "evidence");
  CHECK_EQ(::unlink(file.path.c_str()), 0);
}

TEST_CASE("a file that somebody has open for writing is not raised, and stays as it is") {
  const File file;
  CHECK_EQ(::chmod(file.path.c_str(), 0644), 0);
  const Fd writer = file.open(O_WRONLY);
  CHECK_EQ(::chmod(file.path.c_str(), 0444), 0);
  REQUIRE(static_cast<bool>(writer));
  const std::string before = evidence_of(file.stat());
  Raised raised;
  REQUIRE(file.raise(SealLevel::l2, &raised).ok());
  CHECK(raised.level == SealLevel::l1);
  CHECK_EQ(raised.failure.error, EAGAIN);
  CHECK_EQ(evidence_of(file.stat()), before);
}

TEST_CASE("a file that was changed since it was verified is not raised") {
  const File file;
  const struct stat verified = file.stat();
  while (evidence_of(file.stat()) == evidence_of(verified)) write_file(file.path, "SEALED BYTES", 0444);
  Raised raised;
  const Fd fd = file.open();
  CHECK_EQ(raise_seal(fd.get(), verified, SealLevel::l2, &raised).error, ESTALE);
  CHECK_EQ(::unlink(file.path.c_str()), 0);
}

// A lease that is broken is told by a signal, whose usual effect is the end of the process. Whoever wins each
// race: an immutable file was not opened for writing after its evidence was taken.
TEST_CASE("a writer that races with raising a file is seen, or refused") {
  const File file;
  std::atomic<bool> over{false};
  std::thread writer([&] {
    while (!over) const Fd fd = file.open(O_WRONLY);
  });
  for (int tries = 0; tries < 200; tries++) {
    Raised raised;
    const Fd fd = file.open();
    const Status status = raise_seal(fd.get(), file.stat(), SealLevel::l2, &raised);
    if (status.ok() && raised.level == SealLevel::l2) CHECK(!file.open(O_WRONLY));
    CHECK((status.ok() || status.error == ESTALE));
    (void)release_file(file.path);
  }
  over = true;
  writer.join();
}

TEST_CASE("L3 wanted: fs-verity where the file system has it, else the next level down") {
  const File file;
  const SealMeans means = file.means();
  Raised raised;
  REQUIRE(file.raise(SealLevel::l3, &raised).ok());
  CHECK(raised.evidence.fits(file.stat()));
  if (means.verity.ok()) {
    CHECK(raised.level == SealLevel::l3);
    CHECK(::open(file.path.c_str(), O_WRONLY) < 0);
  } else {
    CHECK(raised.level == (means.immutable.ok() ? SealLevel::l2 : SealLevel::l1));
    CHECK_EQ(raised.failure.error, means.verity.error);
  }
  const auto sealing = file.seal(raised.evidence.text());
  REQUIRE(sealing.file != nullptr);
  CHECK(sealing.file->level() == raised.level);
  CHECK_EQ(file.stat().st_mode & 07777, 0444);
}

// test/kernel/on-file-system.sh promises it.
TEST_CASE("a file system that is made for fs-verity has it") {
  const File file;
  if (std::getenv("SEALGATE_EXPECT_VERITY")) CHECK_EQ(describe(file.means().verity), ": Success");
}

TEST_CASE("fs-verity on record and another digest: the file is not what was recorded; none at all: L1") {
  const File file;
  const SealMeans means = file.means();
  Raised raised;
  REQUIRE(file.raise(SealLevel::l3, &raised).ok());
  Evidence other = raised.evidence;
  other.hold = Hold::verity;
  other.verity[0] ^= 1;
  const auto sealing = file.seal(other);
  if (means.verity.ok()) {
    CHECK_EQ(seal_break_name(sealing.why), "evidence");
  } else {
    REQUIRE(sealing.file != nullptr);
    CHECK(sealing.file->level() == SealLevel::l1);
  }
}

TEST_CASE(
    "an immutable file that no record calls so is L1: whoever made it so may have it open for writing") {
  const File file;
  Raised raised;
  REQUIRE(file.raise(SealLevel::l2, &raised).ok());
  raised.evidence.hold = Hold::none;
  const auto sealing = file.seal(raised.evidence);
  REQUIRE(sealing.file != nullptr);
  CHECK(sealing.file->level() == SealLevel::l1);
  CHECK(!sealing.file->held_by_kernel());
}

TEST_CASE("a file that is raised while it is open is what it was; changed after that, it is not") {
  const File file;
  const auto open = file.seal(Evidence(file.stat())).file;
  REQUIRE(open != nullptr);
  Raised raised;
  REQUIRE(file.raise(SealLevel::l2, &raised).ok());
  CHECK_EQ(seal_break_name(open->recheck()), "none");
  CHECK(release_file(file.path).ok());
  const std::string before = evidence_of(file.stat());
  while (evidence_of(file.stat()) == before) CHECK_EQ(::chmod(file.path.c_str(), 0444), 0);
  CHECK_EQ(seal_break_name(open->recheck()), "evidence");
}

TEST_CASE("a blob is placed at the level wanted, and one that was there keeps its own") {
  const TempDir dir;
  const auto stage = [&] { write_file(dir.at("staging"), kContent, 0444); };
  const std::string blob = dir.at("ab/cd/blob");
  SealMeans means;
  REQUIRE(seal_means(dir.at("."), &means).ok());
  stage();
  Placement placed;
  REQUIRE(place_blob(dir.at("staging"), blob, SealLevel::l2, &placed).ok());
  CHECK(placed.created);
  CHECK(placed.seal.level == (means.immutable.ok() ? SealLevel::l2 : SealLevel::l1));
  stage();
  REQUIRE(place_blob(dir.at("staging"), blob, SealLevel::l2, &placed).ok());
  CHECK(!placed.created);
  CHECK(placed.seal.level == SealLevel::l1);
  CHECK(release_file(blob).ok());
}

TEST_CASE("a blob is raised later without being read, if it is as its record says") {
  const File file;
  const SealMeans means = file.means();
  Raised raised;
  REQUIRE(raise_blob(file.path, evidence_of(file.stat()), SealLevel::l2, &raised).ok());
  CHECK(raised.level == (means.immutable.ok() ? SealLevel::l2 : SealLevel::l1));
  CHECK_EQ(raise_blob(file.path, std::string_view("1:2.3"), SealLevel::l2, &raised).error, ESTALE);
}

TEST_CASE("hashing a file whose mode is wrong and which is immutable sets the mode, and raises it again") {
  const File file;
  const SealMeans means = file.means();
  CHECK_EQ(::chmod(file.path.c_str(), 0644), 0);
  Raised raised;
  REQUIRE(file.raise(SealLevel::l2, &raised).ok());
  HashedBlob hashed;
  REQUIRE(hash_sealable(file.path, SealLevel::l2, &hashed).ok());
  CHECK_EQ(file.stat().st_mode & 07777, 0444);
  CHECK(hashed.seal.level == (means.immutable.ok() ? SealLevel::l2 : SealLevel::l1));
}

TEST_CASE("releasing a file that is missing, a link, a folder or not immutable is no failure") {
  const File file;
  CHECK(release_file(file.path).ok());
  CHECK(release_file(file.dir.at("nothing")).ok());
  CHECK_EQ(::symlink(file.path.c_str(), file.dir.at("link").c_str()), 0);
  CHECK(release_file(file.dir.at("link")).ok());
  CHECK(release_file(file.dir.at(".")).ok());
}

TEST_CASE("evidence is read in its three forms, and every other text is evidence of no file") {
  const std::string digest(64, 'e');
  for (const char* const text : {"7:1700000000.42", "7:1700000000.42 immutable"}) {
    CHECK_EQ(Evidence(std::string_view(text)).text(), text);
  }
  CHECK_EQ(Evidence("7:1.2 verity:" + digest).text(), "7:1.2 verity:" + digest);
  for (const std::string& text : std::initializer_list<std::string>{
           "", "7", "7:1", "7:1.", "7:.2", ":1.2", "7:1.2 ", "7:1.2 immutabl", "7:1.2 immutable ",
           "7:1.2 verity:", "7:1.2 verity:" + digest.substr(1), "7:1.2 verity:" + digest + "0",
           "7:1.2 verity:E" + digest.substr(1), "7:1.2immutable"}) {
    CAPTURE(text);
    CHECK_EQ(Evidence(text).inode, 0);
    CHECK(Evidence(text).hold == Hold::none);
  }
}

TEST_CASE("mounts: the options of the file system count, those of the mount do not") {
  constexpr std::string_view kShared =
      "36 35 98:0 /a /b\\040c rw,noatime shared:1 - ext4 /dev/root ro,errors=x";
  CHECK(tells_read_only(kShared, 36));
  CHECK(!tells_read_only(kShared, 3));
  CHECK(!tells_read_only(kShared, 98));
  CHECK(tells_read_only("7 1 0:9 / / ro - squashfs /dev/loop0 ro", 7));
  CHECK(!tells_read_only("7 1 8:1 / / ro,relatime - ext4 /dev/sda rw", 7));
  CHECK(!tells_read_only("7 1 8:1 / / rw - ext4 /dev/sda rootcontext=x", 7));
  CHECK(!tells_read_only("7 1 8:1 / / ro", 7));
  CHECK(!tells_read_only("7 1 8:1 / / ro - ext4", 7));
  CHECK(!tells_read_only("", 7));
}

}  // namespace
}  // namespace sealgate
