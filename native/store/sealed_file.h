// SealedFile: an open file whose bytes were proved not to change. Only seal() makes one, and only a
// SealedFile reaches sendfile(2). Shared by plans and by responses in flight; the descriptor closes with the
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

// Why a file is not (or no longer) what was recorded.
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
// The file cannot be looked at, which says nothing about its content: it may come back by itself.
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
  // never: where opening the file would read from the disk, it is not opened (openat2(2), RESOLVE_CACHED).
  enum class Wait : bool { never, allowed };
  struct Sealing;

  // Opens `path` below `folder` (as in openat(2); O_NOFOLLOW, and never waiting for a FIFO's other end) and
  // compares what fstat(2) says with the record, and then what the kernel says of the hold that is recorded.
  // allow_l0: a wrong mode or link count yields level L0 instead of failing.
  static Sealing seal(int folder, const std::string& path, const Record& record, bool allow_l0, Wait wait);
  // As above for a whole path; waits for the disk.
  static Sealing seal(const std::string& path, const Record& record, bool allow_l0);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  uint64_t size() const { return size_; }
  std::string_view digest() const { return std::string_view(etag_).substr(1, etag_.size() - 2); }
  std::string_view etag() const { return etag_; }  // the digest in quotes
  SealLevel level() const { return level_; }
  // True where the file system has no cold pages (tmpfs) or cannot tell (no RWF_NOWAIT).
  bool always_resident() const { return always_resident_; }

  // needed: it must still be in its place. may_be_gone: it may have been removed since it was sealed. That
  // changes the ctime, so the mtime counts then: what could still write to it is a descriptor from before.
  enum class Name : bool { needed, may_be_gone };
  // Compares the open file with the record once more, or with what it was raised to; one fstat(2). It finds
  // that the immutable attribute was taken away too: that changes the ctime.
  SealBreak recheck(Name name = Name::needed) const;

 private:
  SealedFile(int fd, const Record& record, SealLevel level, bool always_resident, timespec modified);
  const SealLevel level_;
  const bool always_resident_;
  const uint64_t size_;
  const Evidence evidence_;
  const timespec modified_;  // when it was sealed
  const std::string etag_;
};

// The result of sealing: a file, or why there is none.
struct SealedFile::Sealing {
  std::shared_ptr<const SealedFile> file;
  SealBreak why = SealBreak::none;
  bool cold = false;     // the disk would have to be waited for
  bool crowded = false;  // the process may open no more files (EMFILE, ENFILE)
};

// The folder of a store that its blobs are below, each at "ab/cd/abcd…" by its digest.
class BlobFolder {
 public:
  explicit BlobFolder(const std::string& path);
  bool usable() const { return static_cast<bool>(folder_); }  // else it has no blobs
  // Level L0 where the file cannot be pinned.
  SealedFile::Sealing seal(const SealedFile::Record& record, SealedFile::Wait wait) const;

 private:
  const std::string path_;
  Fd folder_;
};

}  // namespace sealgate
