// StagingFile: bytes on their way into the store, hashed as they are written. A file that is not finished
// is removed by the destructor, unless later requests are to append to it; one left by a crash is removed
// when the store opens. Blocking: used on I/O pool threads and in import workers, never on a reactor thread.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "store/partial_file.h"
#include "store/seal_level.h"

namespace sealgate {

// Whether a file or folder is on the disk when a call returns, or its caller sees to that: for many at a time
// one syncfs(2) takes less than an fsync(2) for each.
enum class Durable { now, later };

class StagingFile {
 public:
  StagingFile() = default;
  ~StagingFile();
  StagingFile(const StagingFile&) = delete;
  StagingFile& operator=(const StagingFile&) = delete;

  // O_CREAT | O_EXCL, mode 0600, write only. The path must not exist. `expected`: how many bytes will be
  // written, where that is known.
  Status open(const std::string& path, uint64_t expected = 0);
  // Goes on where `partial` is, whose writer the caller is: behind it the file is cut off, and what is
  // written is added to its hash. The file stays, whatever becomes of this object.
  Status resume(const PartialFile& partial);
  // Appends and hashes. ENOSPC, EDQUOT, EFBIG and EIO come back as they are.
  Status write(const void* data, size_t size);
  // Digest final, mode 0444, fsync(2). After it the file stays; discard() still removes it.
  Status finish(Durable durable = Durable::now);
  // What was written so far counts from now on.
  Status save(PartialFile& partial) const { return partial.save(hash_, size_); }
  // Ends writing for now: digest() is of what is there, and the mode stays. `sync`: by fsync(2).
  Status pause(bool sync);
  // Makes a finished file one that can be appended to.
  Status unfinish();
  void discard();

  uint64_t size() const { return size_; }
  const std::string& digest() const { return digest_; }  // 64 hex digits, after finish() or pause()
  const std::string& path() const { return path_; }

 private:
  void reserve();
  Status end_hash();

  std::string path_;
  std::string digest_;
  uint64_t size_ = 0;
  uint64_t expected_ = 0;  // or less than that, where no more is to be reserved
  uint64_t reserved_ = 0;
  int fd_ = -1;
  EVP_MD_CTX* hash_ = nullptr;
  bool kept_ = false;
};

struct Placement {
  bool created = false;  // false: a blob of that name was there already, and the staging file was removed
  uint64_t size = 0;     // of the blob now in place
  Raised seal;           // of the blob now in place; L1 where it was there already
};

// Moves a finished staging file to its blob path without ever replacing a file (renameat2 RENAME_NOREPLACE,
// or link and unlink where the file system lacks it), makes missing parents, gives it a level, and fsyncs
// every directory it changed. A level above L1 is given durably in any case.
Status place_blob(const std::string& staging, const std::string& blob, SealLevel wanted, Placement* out,
                  Durable durable = Durable::now);

struct HashedBlob {
  std::string digest;
  uint64_t size = 0;
  Raised seal;
};

// SHA-256 of a blob's content, and the evidence that ties it to the inode as it was while it was read. The
// mode is set to 0444 first where we may, and the file is given the level afterwards. ESTALE: the file
// changed meanwhile.
Status hash_sealable(const std::string& path, SealLevel wanted, HashedBlob* out);

// Gives a blob another level without reading it: its state must be as its record says. ESTALE: it is not.
Status raise_blob(const std::string& path, const Evidence& recorded, SealLevel wanted, Raised* out);

// Copies `source` into a new staging file while hashing it, then finishes it. Fails with ESTALE when the
// source's size or mtime changed under the copy, with ELOOP when it is a symbolic link.
Status import_file(const std::string& source, StagingFile& staging, const std::string& staging_path);

// As import_file, of a source of at most so many bytes, which are handed out too; the new file is not synced.
// EFBIG: the source is larger.
Status import_small_file(const std::string& source, StagingFile& staging, const std::string& staging_path,
                         size_t most, std::string* bytes);

}  // namespace sealgate
