#include "sealed_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <unordered_map>
#include <utility>

namespace sealgate {
namespace {

constexpr mode_t kSealedMode = 0444;

// First difference that no level tolerates.
SealBreak content_break(const struct stat& st, const SealedFile::Record& record) {
  if (!S_ISREG(st.st_mode)) return SealBreak::not_a_file;
  if (static_cast<uint64_t>(st.st_size) != record.size) return SealBreak::size;
  return evidence_of(st) == record.evidence ? SealBreak::none : SealBreak::evidence;
}

// What keeps a file with the right content from level L1.
SealBreak pin_break(const struct stat& st) {
  if ((st.st_mode & 07777) != kSealedMode) return SealBreak::mode;
  return st.st_nlink == 1 ? SealBreak::none : SealBreak::links;
}

// Reads that do not wait (RWF_NOWAIT) need support by the file system; on tmpfs there is nothing to wait for.
bool asked_never_cold(int fd) {
  struct statfs fs;
  if (::fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) return true;
  char byte;
  iovec to{&byte, 1};
  return ::preadv2(fd, &to, 1, 0, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP;
}

// The answer is the file system's, so it is asked once for each.
bool never_cold(int fd, dev_t device) {
  thread_local std::unordered_map<dev_t, bool> known;
  if (const auto found = known.find(device); found != known.end()) return found->second;
  return known[device] = asked_never_cold(fd);
}

// O_NOATIME is for the owner and root alone.
int open_quietly(const char* path) {
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;
  const int fd = ::open(path, kFlags | O_NOATIME);
  return fd < 0 && errno == EPERM ? ::open(path, kFlags) : fd;
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

std::string evidence_of(const struct stat& st) {
  return std::to_string(st.st_ino) + ":" + std::to_string(st.st_ctim.tv_sec) + "." +
         std::to_string(st.st_ctim.tv_nsec);
}

SealedFile::SealedFile(int fd, Record record, SealLevel level, bool always_resident)
    : fd_(fd), record_(std::move(record)), level_(level), always_resident_(always_resident) {}

SealedFile::~SealedFile() { ::close(fd_); }

std::shared_ptr<const SealedFile> SealedFile::seal(const std::string& path, const Record& record,
                                                   bool allow_l0, SealBreak* why) {
  const int fd = open_quietly(path.c_str());
  if (fd < 0) {
    *why = errno == ENOENT  ? SealBreak::missing
           : errno == ELOOP ? SealBreak::not_a_file
                            : SealBreak::unreadable;
    return nullptr;
  }
  struct stat st;
  *why = ::fstat(fd, &st) == 0 ? content_break(st, record) : SealBreak::unreadable;
  SealLevel level = SealLevel::l1;
  if (*why == SealBreak::none) {
    *why = pin_break(st);
    if (*why != SealBreak::none && allow_l0) {
      level = SealLevel::l0;
      *why = SealBreak::none;
    }
  }
  if (*why != SealBreak::none) {
    ::close(fd);
    return nullptr;
  }
  return std::shared_ptr<const SealedFile>(new SealedFile(fd, record, level, never_cold(fd, st.st_dev)));
}

SealBreak SealedFile::recheck() const {
  struct stat st;
  if (::fstat(fd_, &st) != 0) return SealBreak::unreadable;
  const SealBreak content = content_break(st, record_);
  return content != SealBreak::none || level_ == SealLevel::l0 ? content : pin_break(st);
}

}  // namespace sealgate
