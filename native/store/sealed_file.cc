#include "store/sealed_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "store/page_cache.h"

namespace sealgate {
namespace {

constexpr mode_t kSealedMode = 0444;

// The first difference that no level tolerates.
SealBreak content_break(const struct stat& st, uint64_t size, const Evidence& evidence) {
  if (!S_ISREG(st.st_mode)) return SealBreak::not_a_file;
  if (static_cast<uint64_t>(st.st_size) != size) return SealBreak::size;
  return evidence.fits(st) ? SealBreak::none : SealBreak::evidence;
}

// Why a file with the right content does not reach level L1.
SealBreak pin_break(const struct stat& st) {
  if ((st.st_mode & 07777) != kSealedMode) return SealBreak::mode;
  return st.st_nlink == 1 ? SealBreak::none : SealBreak::links;
}

int open_with(int folder, const char* path, int flags, SealedFile::Wait wait) {
  if (wait == SealedFile::Wait::allowed) return ::openat(folder, path, flags);
  open_how how{};
  how.flags = static_cast<uint64_t>(flags);
  how.resolve = RESOLVE_CACHED;
  const auto fd = static_cast<int>(::syscall(SYS_openat2, folder, path, &how, sizeof how));
  // Linux before 5.12 does not know RESOLVE_CACHED.
  if (fd < 0 && (errno == ENOSYS || errno == EINVAL)) errno = EAGAIN;
  return fd;
}

// Opens with O_NOATIME, which only the owner and root may use. Filters of system calls (seccomp(2)) that
// are older than openat2(2) fail with the same error.
int open_quietly(int folder, const char* path, SealedFile::Wait wait) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  const int fd = open_with(folder, path, kFlags | O_NOATIME, wait);
  if (fd >= 0 || errno != EPERM) return fd;
  const int again = open_with(folder, path, kFlags, wait);
  if (again < 0 && errno == EPERM && wait == SealedFile::Wait::never) errno = EAGAIN;
  return again;
}

SealedFile::Sealing not_opened(int error, SealedFile::Wait wait) {
  if (error == EAGAIN && wait == SealedFile::Wait::never) return {nullptr, SealBreak::none, true};
  if (error == EMFILE || error == ENFILE) return {nullptr, SealBreak::unreadable, false, true};
  if (error == ENOENT) return {nullptr, SealBreak::missing};
  return {nullptr, error == ELOOP ? SealBreak::not_a_file : SealBreak::unreadable};
}

}  // namespace

std::string_view seal_break_name(SealBreak reason) {
  switch (reason) {
    case SealBreak::none: return "none";
    case SealBreak::missing: return "missing";
    case SealBreak::unreadable: return "unreadable";
    case SealBreak::not_a_file: return "not-a-file";
    case SealBreak::size: return "size";
    case SealBreak::mode: return "mode";
    case SealBreak::links: return "links";
    case SealBreak::evidence: return "evidence";
    case SealBreak::content: return "content";
  }
  return "";
}

SealedFile::SealedFile(int fd, const Record& record, SealLevel level, bool always_resident, timespec modified)
    : SendableFile(fd, level >= SealLevel::l2),
      level_(level),
      always_resident_(always_resident),
      size_(record.size),
      evidence_(record.evidence),
      modified_(modified),
      etag_('"' + record.digest + '"') {}

SealedFile::~SealedFile() { ::close(fd()); }

SealedFile::Sealing SealedFile::seal(int folder, const std::string& path, const Record& record, bool allow_l0,
                                     Wait wait) {
  const int fd = open_quietly(folder, path.c_str(), wait);
  if (fd < 0) return not_opened(errno, wait);
  struct stat st;
  SealBreak why =
      ::fstat(fd, &st) == 0 ? content_break(st, record.size, record.evidence) : SealBreak::unreadable;
  SealLevel level = SealLevel::l1;
  if (why == SealBreak::none) {
    why = pin_break(st);
    if (why != SealBreak::none && allow_l0) {
      level = SealLevel::l0;
      why = SealBreak::none;
    } else if (why == SealBreak::none) {
      const std::optional<SealLevel> found = level_of(fd, record.evidence);
      level = found.value_or(level);
      if (!found) why = SealBreak::evidence;
    }
  }
  if (why != SealBreak::none) {
    ::close(fd);
    return {nullptr, why};
  }
  Sealing sealing;
  sealing.file.reset(new SealedFile(fd, record, level, never_cold(fd, st.st_dev), st.st_mtim));
  return sealing;
}

SealedFile::Sealing SealedFile::seal(const std::string& path, const Record& record, bool allow_l0) {
  return seal(AT_FDCWD, path, record, allow_l0, Wait::allowed);
}

SealBreak SealedFile::recheck(Name name) const {
  struct stat st;
  if (::fstat(fd(), &st) != 0) return SealBreak::unreadable;
  SealBreak content = content_break(st, size_, evidence_);
  if (content == SealBreak::evidence && was_raised(evidence_, st)) content = SealBreak::none;
  const bool is_gone = name == Name::may_be_gone && st.st_nlink == 0;
  if (is_gone && content == SealBreak::evidence && st.st_mtim.tv_sec == modified_.tv_sec &&
      st.st_mtim.tv_nsec == modified_.tv_nsec)
    return SealBreak::none;
  return content != SealBreak::none || level_ == SealLevel::l0 ? content : pin_break(st);
}

BlobFolder::BlobFolder(const std::string& path)
    : path_(path), folder_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

SealedFile::Sealing BlobFolder::seal(const SealedFile::Record& record, SealedFile::Wait wait) const {
  if (!usable()) return {nullptr, SealBreak::missing};
  const std::string_view digest = record.digest;
  std::string path;
  path.reserve(digest.size() + 6);
  path.append(digest.substr(0, 2)).append("/").append(digest.substr(2, 2)).append("/").append(digest);
  SealedFile::Sealing sealing = SealedFile::seal(folder_.get(), path, record, true, wait);
  // The blobs may be on a disk that was mounted over the folder after it was opened.
  if (sealing.why == SealBreak::missing)
    sealing = SealedFile::seal(AT_FDCWD, path_ + "/" + path, record, true, wait);
  return sealing;
}

}  // namespace sealgate
