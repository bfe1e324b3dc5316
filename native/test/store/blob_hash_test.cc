// The digest of a blob's file, read a piece at a time, and the page cache as it was before.
#include "store/blob_hash.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "store/staging_file.h"
#include "test/page_cache.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr ReadFrom kWays[] = {ReadFrom::disk, ReadFrom::beside};
constexpr size_t kMiB = 1024 * 1024;

mode_t mode_of(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) != 0) std::abort();
  return st.st_mode & 07777;
}

// Reads as deliveries do, with the kernel's reading ahead.
void read_range(const std::string& path, size_t from, size_t to) {
  const Fd file(::open(path.c_str(), O_RDONLY));
  std::vector<char> bytes(65536);
  for (size_t at = from; at < to; at += bytes.size())
    if (::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) <= 0) std::abort();
}

// All of a file.
BlobHash::Result whole(const std::string& path, ReadFrom from) {
  BlobHash hash;
  BlobHash::Result found;
  uint64_t read = 0;
  CHECK(hash.open(path, from).ok());
  CHECK(hash.step(SIZE_MAX, &read).ok());
  CHECK(hash.finish(&found).ok());
  return found;
}

TEST_CASE("both ways of reading give the digest, for sizes around blocks, pieces and the end") {
  TempDir dir;
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{4096}, size_t{4097}, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB}) {
    CAPTURE(size);
    StagingFile file;
    const std::string content(size, 'a');
    CHECK(file.open(dir.at("blob")).ok());
    CHECK(file.write(content.data(), size).ok());
    CHECK(file.finish().ok());
    for (const ReadFrom from : kWays) {
      const BlobHash::Result found = whole(dir.at("blob"), from);
      CHECK(found.size == size);
      CHECK(found.digest == file.digest());
    }
    file.discard();
  }
}

TEST_CASE("a link, a FIFO and a folder are not read") {
  TempDir dir;
  CHECK(::symlink("/etc/hostname", dir.at("link").c_str()) == 0);
  CHECK(::mkfifo(dir.at("fifo").c_str(), 0444) == 0);
  const auto error_of = [&](const std::string& name) {
    return BlobHash().open(dir.at(name), ReadFrom::disk).error;
  };
  CHECK(error_of("link") == ELOOP);
  CHECK(error_of("fifo") == EINVAL);
  CHECK(error_of(".") == EISDIR);
  CHECK(error_of("nothing") == ENOENT);
}

TEST_CASE("a file is read by as many pieces at a time as asked for, and its mode stays") {
  TempDir dir;
  write_file(dir.at("blob"), std::string(2 * kMiB + 5, 'b'), 0640);
  BlobHash hash;
  CHECK(hash.open(dir.at("blob"), ReadFrom::disk).ok());
  for (const uint64_t expected : {kMiB, kMiB, size_t{5}, size_t{0}, size_t{0}}) {
    uint64_t read = 99;
    CHECK(hash.step(1, &read).ok());
    CHECK(read == expected);
  }
  BlobHash::Result found;
  CHECK(hash.finish(&found).ok());
  CHECK(found.size == 2 * kMiB + 5);
  CHECK(mode_of(dir.at("blob")) == 0640);
}

TEST_CASE("a file that is changed between two pieces is no result") {
  TempDir dir;
  write_file(dir.at("blob"), std::string(2 * kMiB, 'c'));
  BlobHash hash;
  uint64_t read = 0;
  CHECK(hash.open(dir.at("blob"), ReadFrom::disk).ok());
  CHECK(hash.step(1, &read).ok());
  write_file(dir.at("blob"), std::string(kMiB + 9, 'd'));
  BlobHash::Result found;
  const Status status = hash.step(2, &read);
  CHECK((status.ok() ? hash.finish(&found) : status).error == ESTALE);
}

TEST_CASE(
    "what is in memory of a file before it is read past the cache is in memory afterwards, and no more") {
  TempDir dir;
  const std::string path = dir.at("blob");
  write_file(path, std::string(40 * kMiB, 'e'), 0444);
  // Pages of a tmpfs cannot be dropped, and all are there before and afterwards.
  const bool drops = cool(path);
  // Reading in order makes the kernel mark a page from which on other readers, too, make it read ahead.
  read_range(path, 8 * kMiB, 12 * kMiB);
  const std::vector<size_t> before = resident_pages(path);
  CHECK(before.size() >= 1024);
  CHECK((before.size() < 40 * 256) == drops);
  for (const ReadFrom from : kWays) {
    CHECK(whole(path, from).size == 40 * kMiB);
    CHECK(resident_pages(path) == before);
  }
}

}  // namespace
}  // namespace sealgate
