// SealedFile: an open file whose bytes were proved not to change. Only seal() makes one, and only a
// SealedFile reaches sendfile(2). Plans and responses under way share it; its descriptor closes with the
// last of them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/sendable_file.h"
#include "base/status.h"
#include "store/evidence.h"
#include "store/seal_level.h"

namespace sealgate {

// How a file differs from what was recorded of it.
enum class SealBreak : uint8_t {
  none,
  missing,
  unreadable,
  not_a_file,
  size,
  mode,
  links,
  evidence,
  content
};
std::string_view seal_break_name(SealBreak reason);
// Whether the file could not be examined, which says nothing about its content; it may come back by
// itself.
inline bool out_of_reach(SealBreak reason) {
  return reason == SealBreak::missing || reason == SealBreak::unreadable;
}

class SealedFile : public SendableFile {
 public:
  struct Record {
    std::string digest;  // 64 lower-case hex digits of SHA-256
    uint64_t size = 0;
    Evidence evidence;
  };
  // never: if opening the file would have to read from the disk, it is not opened (openat2(2),
  // RESOLVE_CACHED).
  enum class Wait : bool { never, allowed };
  struct Sealing;

  // Opens `path` below `folder` as openat(2) does, without following a link and without waiting for the
  // other end of a FIFO. Compares the result of fstat(2) with the record, and then the protection by the
  // kernel with the recorded one. allow_l0: a wrong mode or link count yields level L0 instead of failing.
  static Sealing seal(int folder, const std::string& path, const Record& record, bool allow_l0, Wait wait);
  // As above, for a full path. Waits for the disk.
  static Sealing seal(const std::string& path, const Record& record, bool allow_l0);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  uint64_t size() const { return size_; }
  std::string_view digest() const { return std::string_view(etag_).substr(1, etag_.size() - 2); }
  std::string_view etag() const { return etag_; }  // the digest in quotes
  SealLevel level() const { return level_; }
  // True where the file system keeps all pages in memory (tmpfs) or cannot tell (no RWF_NOWAIT).
  bool always_resident() const { return always_resident_; }

  // needed: the file must still be at its path. may_be_gone: it may have been removed since it was sealed,
  // which changes the ctime; then the mtime is compared instead, which only a descriptor from before the
  // sealing could have changed.
  enum class Name : bool { needed, may_be_gone };
  // Compares the open file with its record, or with the state that raise_seal() gave it, by one fstat(2).
  // That also finds a removed immutable attribute, because removing it changes the ctime.
  SealBreak recheck(Name name = Name::needed) const;

 private:
  SealedFile(int fd, const Record& record, SealLevel level, bool always_resident, timespec modified);
  const SealLevel level_;
  const bool always_resident_;
  const uint64_t size_;
  const Evidence evidence_;
  const timespec modified_;  // mtime when the file was sealed
  const std::string etag_;
};

// The result of sealing: a file, or why there is none.
struct SealedFile::Sealing {
  std::shared_ptr<const SealedFile> file;
  SealBreak why = SealBreak::none;
  bool cold = false;     // opening it would have waited for the disk
  bool crowded = false;  // the process can open no more files (EMFILE, ENFILE)
};

// The folder of a store that has the blobs, each at "ab/cd/abcd…" by its digest.
class BlobFolder {
 public:
  explicit BlobFolder(const std::string& path);
  bool usable() const { return static_cast<bool>(folder_); }  // else it has no blobs
  // A file that cannot be pinned gets level L0.
  SealedFile::Sealing seal(const SealedFile::Record& record, SealedFile::Wait wait) const;

 private:
  const std::string path_;
  Fd folder_;
};

}  // namespace sealgate
