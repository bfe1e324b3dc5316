// SealedFile: an open file whose bytes were proved not to change. Only seal() makes one, and only a
// SealedFile reaches sendfile(2). Shared by plans and by responses in flight; the descriptor closes with the
// last of them.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "status.h"

namespace sealgate {

enum class SealLevel : uint8_t {
  l0,  // content verified, but the file cannot be pinned (link count, mode): copy paths only
  l1,  // digest verified at ingest; mode 0444, one link, size, inode and ctime as recorded: sendfile
};

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

// What ties an inode's content to the moment it was verified: "<inode>:<ctime seconds>.<nanoseconds>".
// Opaque to everyone else; compared as text.
std::string evidence_of(const struct stat& st);

class SealedFile {
 public:
  struct Record {
    std::string digest;  // 64 lower-case hex digits of SHA-256
    uint64_t size = 0;
    std::string evidence;
  };

  // Opens `path` (O_NOFOLLOW) and compares what fstat(2) says with the record. On failure *why says what
  // differs. allow_l0: a wrong mode or link count yields level L0 instead of failing.
  static std::shared_ptr<const SealedFile> seal(const std::string& path, const Record& record, bool allow_l0,
                                                SealBreak* why);
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  int fd() const { return fd_; }
  uint64_t size() const { return record_.size; }
  const std::string& digest() const { return record_.digest; }
  SealLevel level() const { return level_; }
  // True where the file system has no cold pages (tmpfs) or cannot tell (no RWF_NOWAIT).
  bool always_resident() const { return always_resident_; }

  // Compares the open file with the record once more; one fstat(2).
  SealBreak recheck() const;

 private:
  SealedFile(int fd, Record record, SealLevel level, bool always_resident);
  int fd_;
  Record record_;
  SealLevel level_;
  bool always_resident_;
};

}  // namespace sealgate
