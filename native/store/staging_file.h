// StagingFile: a file on its way into the store, hashed while it is written. The destructor removes a file
// that is not finished, unless later requests are to append to it; a file that a crash left is removed
// when the store opens. Calls block, so I/O pool threads and import workers use it, never a reactor
// thread.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "store/further_digests.h"
#include "store/partial_file.h"
#include "store/seal_level.h"

namespace sealgate {

class StagingFile {
 public:
  StagingFile() = default;
  ~StagingFile();
  StagingFile(const StagingFile&) = delete;
  StagingFile& operator=(const StagingFile&) = delete;

  // Creates the file with mode 0600, open only for writing; the path must not exist. `expected`: the
  // number of bytes that will be written, or 0 if unknown. `further`: digests to compute besides SHA-256.
  Status open(const std::string& path, uint64_t expected = 0, const DigestNames& further = {});
  // Continues the file of `partial`, whose claim the caller has: cuts off what is beyond its size, and
  // adds what is written to its digests. Those of a file that an earlier process left are first made anew,
  // by reading it. This object then never removes the file.
  Status resume(const PartialFile& partial);
  // Appends to the file and to its digests. ENOSPC, EDQUOT, EFBIG and EIO are returned unchanged.
  Status write(const void* data, size_t size);
  // Calls fsync(2).
  Status sync();
  // Completes the digests and sets mode 0444. From then on only discard() removes the file; place_blob makes
  // it durable.
  Status finish();
  // Stores in `partial` that all bytes written so far count.
  Status save(PartialFile& partial) const { return partial.save(hash_, running_, size_); }
  // Stops writing for now: the digests are those of all bytes so far, and the mode stays.
  Status pause();
  // Makes a finished file one that can be appended to.
  Status unfinish();
  void discard();

  uint64_t size() const { return size_; }
  const std::string& digest() const { return digest_; }     // 64 hex digits, after finish() or pause()
  const NamedDigests& further() const { return further_; }  // those that were wanted, then too
  const std::string& path() const { return path_; }

 private:
  void reserve();
  Status end_hash();
  Status hash_anew(const DigestNames& further);  // of the bytes that are there

  std::string path_;
  std::string digest_;
  NamedDigests further_;
  uint64_t size_ = 0;
  uint64_t expected_ = 0;  // the space to reserve at most; 0: none
  uint64_t reserved_ = 0;
  int fd_ = -1;
  EVP_MD_CTX* hash_ = nullptr;
  FurtherDigests running_;
  bool kept_ = false;
};

struct HashedBlob {
  std::string digest;
  uint64_t size = 0;
  Raised seal;
};

// SHA-256 of a blob's content, and the evidence of the inode during the reading. The mode is first set to
// 0444 if permitted; after the reading the file is given the level. ESTALE: the file changed meanwhile.
Status hash_sealable(const std::string& path, SealLevel wanted, HashedBlob* out);

// Gives a blob another level without reading it. ESTALE: the state of its file is not the recorded one.
Status raise_blob(const std::string& path, const Evidence& recorded, SealLevel wanted, Raised* out);

// Copies `source` into a new staging file, hashes it, and finishes the file. ESTALE: the source's size or
// mtime changed during the copy. ELOOP: it is a symbolic link.
Status import_file(const std::string& source, StagingFile& staging, const std::string& staging_path,
                   const DigestNames& further = {});

// As import_file(), for a source of at most `most` bytes, which are returned too. EFBIG: the source is
// larger.
Status import_small_file(const std::string& source, StagingFile& staging, const std::string& staging_path,
                         size_t most, std::string* bytes, const DigestNames& further = {});

}  // namespace sealgate
