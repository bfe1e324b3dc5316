// FurtherDigests: digests of a file besides SHA-256, computed as its bytes come. Whoever wants none pays for
// none.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace sealgate {

// The names are those of src/digest.ts.
enum class DigestName : uint8_t { md5, sha1, sha512, crc32, crc32c, crc64nvme };
std::string_view digest_name(DigestName name);
std::optional<DigestName> digest_named(std::string_view name);

using DigestNames = std::vector<DigestName>;
using NamedDigests = std::vector<std::pair<DigestName, std::string>>;  // in hex, the first byte first

class FurtherDigests {
 public:
  Status begin(const DigestNames& wanted);
  Status add(const void* data, size_t size);
  // Makes `to` go on from here.
  Status copy(FurtherDigests* to) const;
  // The digests of all bytes. Nothing can be added afterwards.
  Status end(NamedDigests* out);

 private:
  struct Free {
    void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
  };
  struct One {
    DigestName name;
    std::unique_ptr<EVP_MD_CTX, Free> hash;  // null: a CRC
    uint64_t crc = 0;
  };
  std::vector<One> all_;
};

}  // namespace sealgate
