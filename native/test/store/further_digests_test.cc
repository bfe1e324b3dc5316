// Digests besides SHA-256: computed while a file is written, and over the requests that append to it.
#include "store/further_digests.h"

#include <memory>
#include <string_view>

#include <doctest/doctest.h>
#include "store/staging_file.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST_CASE("further digests that are wanted are those that RFC 1321, RFC 3174 and FIPS 180-4 give for abc") {
  TempDir dir;
  StagingFile file;
  const DigestNames all = {DigestName::md5,   DigestName::sha1,   DigestName::sha512,
                           DigestName::crc32, DigestName::crc32c, DigestName::crc64nvme};
  CHECK(file.open(dir.at("staging"), 0, all).ok());
  for (const char& letter : std::string_view("abc")) CHECK(file.write(&letter, 1).ok());
  CHECK(file.finish().ok());
  CHECK_EQ(file.digest(), kAbc);
  const NamedDigests expected = {{DigestName::md5, "900150983cd24fb0d6963f7d28e17f72"},
                                 {DigestName::sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
                                 {DigestName::sha512,
                                  "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                  "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
                                 {DigestName::crc32, "352441c2"},
                                 {DigestName::crc32c, "364b3fb7"},
                                 {DigestName::crc64nvme, "05e5cabb3fc1faeb"}};
  CHECK(file.further() == expected);
}

TEST_CASE("a file that wants no further digests has none") {
  TempDir dir;
  StagingFile file;
  CHECK(file.open(dir.at("staging")).ok());
  CHECK(file.finish().ok());
  CHECK(file.further().empty());
}

TEST_CASE("further digests of a partial file go on from one request to the next, and not from a failed one") {
  TempDir dir;
  const auto partial =
      std::make_shared<PartialFile>(dir.at("partial"), DigestNames{DigestName::md5, DigestName::crc32});
  const auto append = [&](std::string_view bytes, bool saved) {
    StagingFile file;
    CHECK(file.resume(*partial).ok());
    CHECK(file.write(bytes.data(), bytes.size()).ok());
    if (saved) CHECK(file.save(*partial).ok());
    CHECK(file.pause().ok());
    return file.further();
  };
  append("a", true);
  append("lost", false);
  append("b", true);
  const NamedDigests expected = {{DigestName::md5, "900150983cd24fb0d6963f7d28e17f72"},
                                 {DigestName::crc32, "352441c2"}};
  CHECK(append("c", true) == expected);
  CHECK_EQ(read_file(dir.at("partial")), "abc");
}

}  // namespace
}  // namespace sealgate
