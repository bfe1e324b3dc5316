// A file is a coding of a blob only when all of it decodes to exactly the blob.
#include "store/decoded_file.h"

#include <fstream>

#include <doctest/doctest.h>
#include "store/coded_file.h"
#include "test/coded.h"
#include "test/temp_dir.h"

namespace sealgate {
namespace {

constexpr auto kAll = {ContentCoding::br, ContentCoding::zstd, ContentCoding::gzip};
bool goes_on() { return false; }

const std::string& text() {
  static const std::string all = [] {
    std::string out;
    for (int i = 0; out.size() < 300'000; i++) out += "line " + std::to_string(i * i % 1009) + "\n";
    return out;
  }();
  return all;
}

std::string coded(ContentCoding coding, const std::string& bytes) {
  TempDir dir;
  std::ofstream(dir.at("source"), std::ios::binary) << bytes;
  StagingFile staging;
  REQUIRE(
      code_file(coding, dir.at("source"), sha256(bytes), UINT64_MAX, goes_on, staging, dir.at("coded")).ok());
  return bytes_of(dir.at("coded"));
}

int error_of(ContentCoding coding, const std::string& bytes, const std::string& wanted, uint64_t size) {
  TempDir dir;
  std::ofstream(dir.at("coded"), std::ios::binary) << bytes;
  return check_decoded(coding, dir.at("coded"), {sha256(wanted), size}, goes_on).error;
}
int error_of(ContentCoding coding, const std::string& bytes, const std::string& wanted) {
  return error_of(coding, bytes, wanted, wanted.size());
}

TEST_CASE("what was coded decodes to the blob, and to no other") {
  for (const ContentCoding coding : kAll)
    for (const std::string& bytes : {text(), std::string("a"), std::string()}) {
      CHECK_EQ(error_of(coding, coded(coding, bytes), bytes), 0);
      CHECK_EQ(error_of(coding, coded(coding, bytes), bytes + "b"), EBADMSG);
      CHECK_EQ(error_of(coding, coded(coding, bytes + "b"), bytes), EBADMSG);
    }
}

TEST_CASE("a coding that is cut, followed by more, or damaged is EBADMSG") {
  for (const ContentCoding coding : kAll) {
    const std::string whole = coded(coding, text());
    CHECK_EQ(error_of(coding, whole.substr(0, whole.size() - 1), text()), EBADMSG);
    CHECK_EQ(error_of(coding, whole.substr(0, whole.size() / 2), text()), EBADMSG);
    CHECK_EQ(error_of(coding, whole + 'x', text()), EBADMSG);
    CHECK_EQ(error_of(coding, whole + whole, text()), EBADMSG);
    std::string damaged = whole;
    damaged[damaged.size() / 2] ^= 1;
    CHECK_EQ(error_of(coding, damaged, text()), EBADMSG);
    CHECK_EQ(error_of(coding, "", text()), EBADMSG);
    CHECK_EQ(error_of(coding, text(), text()), EBADMSG);
  }
  CHECK_EQ(error_of(ContentCoding::br, coded(ContentCoding::gzip, text()), text()), EBADMSG);
}

TEST_CASE("no more is decoded than the blob has bytes: a file that swells is EBADMSG at once") {
  const std::string zeros(50'000'000, '\0');
  const std::string bomb = coded(ContentCoding::gzip, zeros);
  CHECK_EQ(error_of(ContentCoding::gzip, bomb, "a", 1), EBADMSG);
}

TEST_CASE("checking ends with ECANCELED where it is to end, and with the errno of a file that is not there") {
  TempDir dir;
  std::ofstream(dir.at("coded"), std::ios::binary) << coded(ContentCoding::br, text());
  const Decoded wanted{sha256(text()), text().size()};
  CHECK_EQ(check_decoded(ContentCoding::br, dir.at("coded"), wanted, [] { return true; }).error, ECANCELED);
  CHECK_EQ(check_decoded(ContentCoding::br, dir.at("none"), wanted, goes_on).error, ENOENT);
}

}  // namespace
}  // namespace sealgate
