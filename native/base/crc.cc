#include "base/crc.h"

#include <array>
#include <bit>
#include <cstring>

namespace sealgate {
namespace {

constexpr size_t kSlices = 8;

// tables[n][byte]: the CRC of a byte with n bytes of zero behind it, so that eight bytes take eight look-ups
// that do not wait for each other.
template <typename Word>
using Tables = std::array<std::array<Word, 256>, kSlices>;

// `polynomial` with its bits in reverse, as all these CRCs take the lowest bit first.
template <typename Word>
constexpr Tables<Word> tables_of(Word polynomial) {
  Tables<Word> tables{};
  for (size_t byte = 0; byte < 256; byte++) {
    Word crc = static_cast<Word>(byte);
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < kSlices; n++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const Word before = tables[n - 1][byte];
      tables[n][byte] = before >> 8 ^ tables[0][before & 255];
    }
  }
  return tables;
}

static_assert(std::endian::native == std::endian::little);  // add() xors a word into the first bytes

template <typename Word>
Word add(const Tables<Word>& tables, Word before, const void* data, size_t size) {
  const auto* at = static_cast<const unsigned char*>(data);
  Word crc = static_cast<Word>(~before);
  for (; size >= kSlices; size -= kSlices, at += kSlices) {
    uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    word ^= crc;
    crc = 0;
    for (size_t i = 0; i < kSlices; i++) crc ^= tables[kSlices - 1 - i][word >> 8 * i & 255];
  }
  for (; size > 0; size--, at++) crc = crc >> 8 ^ tables[0][(crc ^ *at) & 255];
  return static_cast<Word>(~crc);
}

constexpr auto kCrc32 = tables_of<uint32_t>(0xedb88320);
constexpr auto kCrc32c = tables_of<uint32_t>(0x82f63b78);
constexpr auto kCrc64nvme = tables_of<uint64_t>(0x9a6c9329ac4bc9b5);

}  // namespace

uint32_t crc32(uint32_t before, const void* data, size_t size) { return add(kCrc32, before, data, size); }
uint32_t crc32c(uint32_t before, const void* data, size_t size) { return add(kCrc32c, before, data, size); }
uint64_t crc64nvme(uint64_t before, const void* data, size_t size) {
  return add(kCrc64nvme, before, data, size);
}

}  // namespace sealgate
