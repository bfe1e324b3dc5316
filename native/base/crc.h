// CRCs of bytes that come in pieces, as checksums of objects use them: reflected, all ones at the beginning
// and at the end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sealgate {

// Each takes the CRC of the bytes before, which is 0 before the first.
uint32_t crc32(uint32_t before, const void* data, size_t size);      // ISO-HDLC: zip, gzip, PNG
uint32_t crc32c(uint32_t before, const void* data, size_t size);     // Castagnoli (RFC 3720 B.4)
uint64_t crc64nvme(uint64_t before, const void* data, size_t size);  // Rocksoft, of NVM Express

}  // namespace sealgate
