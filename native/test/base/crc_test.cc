// CRCs of objects, against the values that their publishers give.
#include "base/crc.h"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

constexpr std::string_view kCheck = "123456789";

TEST_CASE("the check value of each CRC is the published one") {
  CHECK_EQ(crc32(0, kCheck.data(), kCheck.size()), 0xcbf43926);
  CHECK_EQ(crc32c(0, kCheck.data(), kCheck.size()), 0xe3069283);
  CHECK_EQ(crc64nvme(0, kCheck.data(), kCheck.size()), 0xae8b14860a799888);
}

TEST_CASE("CRC32C of the blocks of RFC 3720 B.4 is what it says") {
  std::string ascending, descending;
  for (int i = 0; i < 32; i++) {
    ascending.push_back(static_cast<char>(i));
    descending.push_back(static_cast<char>(31 - i));
  }
  const auto of = [](const std::string& block) { return crc32c(0, block.data(), block.size()); };
  CHECK_EQ(of(std::string(32, '\0')), 0x8a9136aa);
  CHECK_EQ(of(std::string(32, '\xff')), 0x62a8ab43);
  CHECK_EQ(of(ascending), 0x46dd794e);
  CHECK_EQ(of(descending), 0x113fdb5c);
}

// NVM Express NVM Command Set 1.0, figure 120: blocks of 4 KiB.
TEST_CASE("CRC64NVME of the blocks of the NVM command set is what it says") {
  const auto of = [](const std::string& block) { return crc64nvme(0, block.data(), block.size()); };
  CHECK_EQ(of(std::string(4096, '\0')), 0x6482d367eb22b64e);
  CHECK_EQ(of(std::string(4096, '\xff')), 0xc0ddba7302eca3ac);
}

TEST_CASE("bytes that come in pieces of any size have the CRC that they have at once") {
  std::string bytes;
  for (int i = 0; i < 1000; i++) bytes.push_back(static_cast<char>(i * 7 + i / 3));
  for (size_t piece : {1, 3, 7, 8, 9, 64, 999}) {
    uint32_t one = 0, two = 0;
    uint64_t three = 0;
    for (size_t from = 0; from < bytes.size(); from += piece) {
      const size_t size = std::min(piece, bytes.size() - from);
      one = crc32(one, bytes.data() + from, size);
      two = crc32c(two, bytes.data() + from, size);
      three = crc64nvme(three, bytes.data() + from, size);
    }
    CHECK_EQ(one, crc32(0, bytes.data(), bytes.size()));
    CHECK_EQ(two, crc32c(0, bytes.data(), bytes.size()));
    CHECK_EQ(three, crc64nvme(0, bytes.data(), bytes.size()));
  }
}

}  // namespace
}  // namespace sealgate
