// BlobHash: the SHA-256 of a blob's file, computed piece by piece, so that its caller can pause or give up
// between two pieces. Reads block, so only threads that may wait for a disk use it.
#pragma once

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

// disk: reads past the page cache (O_DIRECT), which also finds what changed on the device below a page
// that is in memory. Without support for direct reads it becomes `beside`. beside: reads through the page
// cache. Both leave the cache as they found it: pages that were there stay, and pages that the reading
// brought in are dropped.
enum class ReadFrom : uint8_t { disk, beside };

class BlobHash {
 public:
  static constexpr size_t kPieceBytes = 1024 * 1024;

  struct Result {
    std::string digest;  // 64 lower-case hex digits
    uint64_t size = 0;
  };

  // Symbolic links are not followed (ELOOP).
  Status open(const std::string& path, ReadFrom from);
  // Reads and hashes up to so many pieces of kPieceBytes. `read` is 0 at the end of the file.
  Status step(size_t pieces, uint64_t* read);
  // ESTALE: the file changed during the reading.
  Status finish(Result* out);

 private:
  struct Freed {
    void operator()(char* bytes) const;
    void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
  };

  Status read_piece(size_t* read);
  void note_resident(uint64_t end);
  void drop_read(uint64_t end);

  Fd file_;
  ReadFrom from_ = ReadFrom::disk;
  uint64_t at_ = 0;
  uint64_t size_ = 0;  // when it was opened
  std::string evidence_;
  std::unique_ptr<EVP_MD_CTX, Freed> hash_;
  std::unique_ptr<char, Freed> buffer_;
  // Which pages were in memory before the reading, from the page at `noted_from_` on.
  std::vector<unsigned char> resident_;
  uint64_t noted_from_ = 0;
};

}  // namespace sealgate
