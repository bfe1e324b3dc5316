// Bytes on their way into the store: hashed as they are written, kept only when whole, never put over a blob.
#include "store/staging_file.h"
#include "store/placement.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <csignal>
#include <thread>

#include <doctest/doctest.h>
#include "store/sealed_file.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

mode_t mode_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) std::abort();
  return st.st_mode & 07777;
}

std::string evidence_at(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) std::abort();
  return evidence_of(st);
}

void stage(const std::string& path, std::string_view content) {
  StagingFile file;
  CHECK(file.open(path).ok());
  CHECK(file.write(content.data(), content.size()).ok());
  CHECK(file.finish().ok());
}

TEST_CASE("the digest is SHA-256 of what was written, in pieces of any size") {
  TempDir dir;
  const auto digest_of = [&](const std::string& content, size_t piece) {
    StagingFile file;
    CHECK(file.open(dir.at("staging")).ok());
    for (size_t from = 0; from < content.size(); from += piece) {
      CHECK(file.write(content.data() + from, std::min(piece, content.size() - from)).ok());
    }
    CHECK(file.finish().ok());
    CHECK_EQ(file.size(), content.size());
    CHECK_EQ(read_file(file.path()), content);
    const std::string digest = file.digest();
    file.discard();
    return digest;
  };
  CHECK_EQ(digest_of("", 1), kEmpty);
  CHECK_EQ(digest_of("abc", 3), kAbc);
  CHECK_EQ(digest_of("abc", 1), kAbc);
  CHECK_EQ(digest_of(std::string(1'000'000, 'a'), 4099), kMillionA);
}

// Blocks behind the end of a file would count against the disk for as long as the file lives.
TEST_CASE("a file whose size was announced takes no more of the disk than others") {
  for (const uint64_t announced : {0ul, 3ul << 20, (40ul << 20) + 5}) {
    TempDir dir;
    const std::string piece(1'000'000, 'a');
    StagingFile file;
    CHECK(file.open(dir.at("staging"), announced).ok());
    for (uint64_t left = announced; left > 0; left -= std::min<uint64_t>(left, piece.size())) {
      CHECK(file.write(piece.data(), std::min<uint64_t>(left, piece.size())).ok());
    }
    if (announced == 0) CHECK(file.write(piece.data(), piece.size()).ok());
    CHECK(file.finish().ok());
    struct stat st {};
    CHECK(::stat(dir.at("staging").c_str(), &st) == 0);
    CHECK_EQ(static_cast<uint64_t>(st.st_size), file.size());
    CHECK(static_cast<uint64_t>(st.st_blocks) * 512 <= file.size() + 64 * 1024);
  }
}

TEST_CASE("an unfinished file is readable by nobody else, a finished one is writable by nobody") {
  TempDir dir;
  StagingFile file;
  CHECK(file.open(dir.at("staging")).ok());
  CHECK_EQ(mode_of(file.path()), 0600);
  CHECK(file.finish().ok());
  CHECK_EQ(mode_of(file.path()), 0444);
}

TEST_CASE("a file that was not finished goes with its object, a finished one stays") {
  TempDir dir;
  {
    StagingFile file;
    CHECK(file.open(dir.at("cut")).ok());
    CHECK(file.write("ab", 2).ok());
    CHECK(exists(dir.at("cut")));
  }
  CHECK(!exists(dir.at("cut")));
  stage(dir.at("whole"), "ab");
  CHECK_EQ(read_file(dir.at("whole")), "ab");
}

TEST_CASE("a small source is copied and handed out, a larger one is refused and leaves nothing") {
  TempDir dir;
  write_file(dir.at("source"), "abc");
  {
    StagingFile file;
    std::string bytes;
    CHECK(import_small_file(dir.at("source"), file, dir.at("staging"), 3, &bytes).ok());
    CHECK_EQ(bytes, "abc");
    CHECK_EQ(file.digest(), kAbc);
  }
  CHECK_EQ(read_file(dir.at("staging")), "abc");
  CHECK_EQ(mode_of(dir.at("staging")), 0444);
  StagingFile file;
  std::string bytes;
  CHECK_EQ(import_small_file(dir.at("source"), file, dir.at("other"), 2, &bytes).error, EFBIG);
  CHECK_NE(::access(dir.at("other").c_str(), F_OK), 0);
}

TEST_CASE("a finished file that is discarded goes") {
  TempDir dir;
  StagingFile file;
  CHECK(file.open(dir.at("staging")).ok());
  CHECK(file.finish().ok());
  file.discard();
  CHECK(!exists(dir.at("staging")));
}

TEST_CASE("a path that exists is not opened and not removed") {
  TempDir dir;
  write_file(dir.at("taken"), "theirs");
  {
    StagingFile file;
    CHECK_EQ(file.open(dir.at("taken")).error, EEXIST);
  }
  CHECK_EQ(read_file(dir.at("taken")), "theirs");
}

TEST_CASE("a dangling symbolic link is not followed") {
  TempDir dir;
  CHECK_EQ(::symlink(dir.at("elsewhere").c_str(), dir.at("link").c_str()), 0);
  StagingFile file;
  CHECK_EQ(file.open(dir.at("link")).error, EEXIST);
  CHECK(!exists(dir.at("elsewhere")));
}

// As a full disk does: part of the data fits.
TEST_CASE("a write that does not fit fails with its errno, and the file goes") {
  TempDir dir;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  Status status;
  {
    StagingFile file;
    CHECK(file.open(dir.at("staging")).ok());
    status = file.write(std::string(2000, 'x').data(), 2000);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  CHECK_EQ(status.error, EFBIG);
  CHECK(!exists(dir.at("staging")));
}

TEST_CASE("a placed blob has its name, its parents and its evidence, and the staging name is gone") {
  TempDir dir;
  stage(dir.at("staging"), "abc");
  Placement placed;
  const std::string blob = dir.at("ba/78/blob");
  CHECK(place_blob(dir.at("staging"), blob, SealLevel::l1, &placed).ok());
  CHECK(placed.created);
  CHECK_EQ(placed.size, 3);
  CHECK_EQ(placed.seal.evidence.text(), evidence_at(blob));
  CHECK_EQ(read_file(blob), "abc");
  CHECK(!exists(dir.at("staging")));
  CHECK(SealedFile::seal(blob, {kAbc, 3, placed.seal.evidence.text()}, false).file != nullptr);
}

TEST_CASE(
    "the folder of all blobs is missing: an error, no folder in its place, and the staging file stays") {
  TempDir dir;
  stage(dir.at("staging"), "abc");
  Placement placed;
  CHECK_EQ(place_blob(dir.at("staging"), dir.at("sha256/ba/78/blob"), SealLevel::l1, &placed).error, ENOENT);
  CHECK(!exists(dir.at("sha256")));
  CHECK_EQ(read_file(dir.at("staging")), "abc");
}

TEST_CASE("a blob that is there is never replaced, and what it is is told") {
  TempDir dir;
  write_file(dir.at("blob"), "first bytes", 0444);
  const std::string evidence = evidence_at(dir.at("blob"));
  stage(dir.at("staging"), "abc");
  Placement placed;
  CHECK(place_blob(dir.at("staging"), dir.at("blob"), SealLevel::l1, &placed).ok());
  CHECK(!placed.created);
  CHECK_EQ(placed.size, 11);
  CHECK_EQ(placed.seal.evidence.text(), evidence);
  CHECK_EQ(read_file(dir.at("blob")), "first bytes");
  CHECK_EQ(read_file(dir.at("staging")), "abc");
}

TEST_CASE("a staging file that is gone is an error, and no blob appears") {
  TempDir dir;
  Placement placed;
  CHECK_EQ(place_blob(dir.at("staging"), dir.at("ab/cd/blob"), SealLevel::l1, &placed).error, ENOENT);
  CHECK(!exists(dir.at("ab/cd/blob")));
}

TEST_CASE("a parent that is no directory is an error, and the staging file stays") {
  TempDir dir;
  write_file(dir.at("ab"), "a file");
  stage(dir.at("staging"), "abc");
  Placement placed;
  CHECK_EQ(place_blob(dir.at("staging"), dir.at("ab/cd/blob"), SealLevel::l1, &placed).error, ENOTDIR);
  CHECK_EQ(read_file(dir.at("staging")), "abc");
}

TEST_CASE("hashing a blob again yields its digest, its size and evidence that seals it") {
  TempDir dir;
  write_file(dir.at("blob"), "abc", 0644);
  HashedBlob hashed{.size = 99};
  CHECK(hash_sealable(dir.at("blob"), SealLevel::l1, &hashed).ok());
  CHECK_EQ(hashed.digest, kAbc);
  CHECK_EQ(hashed.size, 3);
  CHECK_EQ(mode_of(dir.at("blob")), 0444);
  const SealedFile::Record record{hashed.digest, hashed.size, hashed.seal.evidence};
  CHECK(SealedFile::seal(dir.at("blob"), record, false).file != nullptr);
}

TEST_CASE("hashing a file that is as it must be does not touch its evidence") {
  TempDir dir;
  write_file(dir.at("blob"), "abc", 0444);
  const std::string before = evidence_at(dir.at("blob"));
  HashedBlob hashed;
  CHECK(hash_sealable(dir.at("blob"), SealLevel::l1, &hashed).ok());
  CHECK_EQ(hashed.seal.evidence.text(), before);
  CHECK_EQ(evidence_at(dir.at("blob")), before);
}

TEST_CASE("hashing follows no symbolic link") {
  TempDir dir;
  write_file(dir.at("target"), "abc");
  CHECK_EQ(::symlink(dir.at("target").c_str(), dir.at("link").c_str()), 0);
  HashedBlob hashed;
  CHECK_EQ(hash_sealable(dir.at("link"), SealLevel::l1, &hashed).error, ELOOP);
}

TEST_CASE("an imported file is a copy with the digest of its source, which is left as it is") {
  TempDir dir;
  const std::string content(3'000'001, 'q');  // several reads
  write_file(dir.at("source"), content, 0640);
  StagingFile staging;
  CHECK(import_file(dir.at("source"), staging, dir.at("staging")).ok());
  CHECK_EQ(staging.size(), content.size());
  CHECK(read_file(dir.at("staging")) == content);
  CHECK_EQ(mode_of(dir.at("source")), 0640);
  HashedBlob hashed;
  CHECK(hash_sealable(dir.at("source"), SealLevel::l1, &hashed).ok());
  CHECK_EQ(staging.digest(), hashed.digest);
}

TEST_CASE("a source that is gone, a directory, a link or a FIFO is an error, and nothing is staged") {
  TempDir dir;
  const auto error_of = [&](const std::string& source) {
    StagingFile staging;
    return import_file(source, staging, dir.at("staging")).error;
  };
  CHECK_EQ(error_of(dir.at("nothing")), ENOENT);
  CHECK_EQ(error_of(dir.at(".")), EISDIR);
  write_file(dir.at("file"), "bytes");
  CHECK_EQ(::symlink(dir.at("file").c_str(), dir.at("link").c_str()), 0);
  CHECK_EQ(error_of(dir.at("link")), ELOOP);
  CHECK_EQ(::mkfifo(dir.at("fifo").c_str(), 0600), 0);
  CHECK_EQ(error_of(dir.at("fifo")), EINVAL);
  CHECK(!exists(dir.at("staging")));
}

// The kernel says that these files are empty and then yields bytes: their size never agrees.
TEST_CASE("a source whose size is not what was read is stale, and nothing is staged") {
  TempDir dir;
  {
    StagingFile staging;
    CHECK_EQ(import_file("/proc/self/status", staging, dir.at("staging")).error, ESTALE);
  }
  CHECK(!exists(dir.at("staging")));
}

TEST_CASE("a source that is written to while it is copied is stale in the end, though its size stays") {
  TempDir dir;
  write_file(dir.at("source"), std::string(4'000'000, 's'));
  std::atomic<bool> over{false};
  std::thread writer([&] {
    for (time_t second = 1; !over; second++) {
      const timespec times[2] = {{second, 0}, {second, 0}};
      ::utimensat(AT_FDCWD, dir.at("source").c_str(), times, 0);
    }
  });
  Status status;
  for (int attempt = 0; attempt < 1000 && status.ok(); attempt++) {
    StagingFile staging;
    status = import_file(dir.at("source"), staging, dir.at("staging"));
    staging.discard();
  }
  over = true;
  writer.join();
  CHECK_EQ(status.error, ESTALE);
  CHECK(!exists(dir.at("staging")));
}

}  // namespace
}  // namespace sealgate
