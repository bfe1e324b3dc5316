#include "store/seal_level.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/fd.h"
#include "store/read_only.h"

namespace sealgate {
namespace {

constexpr const char* kNames[] = {"L0", "L1", "L2", "L3"};
constexpr mode_t kWritableMode = 0600;

// A read lease (fcntl(2), F_SETLEASE) for the lifetime of this object. It cannot be taken while somebody
// has the file open for writing, and it breaks when somebody opens the file so.
class Lease {
 public:
  explicit Lease(int fd) : fd_(fd), status_(take(fd)) {}
  ~Lease() {
    if (status_.ok()) ::fcntl(fd_, F_SETLEASE, F_UNLCK);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const Status& status() const { return status_; }
  bool unbroken() const { return ::fcntl(fd_, F_GETLEASE) == F_RDLCK; }

 private:
  // The kernel reports a break by a signal. The default, SIGIO, would end the process; SIGURG is ignored
  // unless a program asks for it. Giving up the lease resets that choice.
  static Status take(int fd) {
    if (::fcntl(fd, F_SETSIG, SIGURG) != 0) return Status::last("F_SETSIG");
    return ::fcntl(fd, F_SETLEASE, F_RDLCK) == 0 ? Status{} : Status::last("F_SETLEASE");
  }

  const int fd_;
  const Status status_;
};

Status set_immutable(int fd, bool on) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return Status::last("FS_IOC_GETFLAGS");
  // btrfs reports fs-verity among these flags, but does not accept it.
  int wanted = flags & ~FS_VERITY_FL;
  wanted = on ? wanted | FS_IMMUTABLE_FL : wanted & ~FS_IMMUTABLE_FL;
  if (((flags ^ wanted) & FS_IMMUTABLE_FL) == 0) return {};
  return ::ioctl(fd, FS_IOC_SETFLAGS, &wanted) == 0 ? Status{} : Status::last("FS_IOC_SETFLAGS");
}

bool is_immutable(int fd) {
  struct statx about {};
  return ::statx(fd, "", AT_EMPTY_PATH, 0, &about) == 0 && (about.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
}

// The level by what the kernel does for the file already.
SealLevel held_level(int fd) {
  struct statx about {};
  if (::statx(fd, "", AT_EMPTY_PATH, 0, &about) != 0) return SealLevel::l1;
  if ((about.stx_attributes & STATX_ATTR_VERITY) != 0) return SealLevel::l3;
  return (about.stx_attributes & STATX_ATTR_IMMUTABLE) != 0 ? SealLevel::l2 : SealLevel::l1;
}

Status ask_verity(int fd) {
  fsverity_enable_arg argument{};
  argument.version = 1;
  argument.hash_algorithm = FS_VERITY_HASH_ALG_SHA256;
  argument.block_size = 4096;
  int result = 0;
  do {
    result = ::ioctl(fd, FS_IOC_ENABLE_VERITY, &argument);
  } while (result != 0 && errno == EINTR);
  return result == 0 || errno == EEXIST ? Status{} : Status::last("FS_IOC_ENABLE_VERITY");
}

// Only those who may write to the file can enable fs-verity. Nobody may write to an immutable file, and
// not even its owner to a sealed one.
Status enable_verity(int fd) {
  if (is_immutable(fd)) {
    if (const Status released = set_immutable(fd, false); !released.ok()) return released;
  }
  const Status asked = ask_verity(fd);
  if (asked.error != EACCES) return asked;
  struct stat st {};
  if (::fstat(fd, &st) != 0) return Status::last("fstat");
  if (::fchmod(fd, kWritableMode) != 0) return asked;
  const Status again = ask_verity(fd);
  return ::fchmod(fd, st.st_mode & 07777) == 0 ? again : Status::last("fchmod");
}

Status measure_verity(int fd, VerityDigest* out) {
  alignas(fsverity_digest) char room[sizeof(fsverity_digest) + sizeof(VerityDigest)] = {};
  auto* const found = reinterpret_cast<fsverity_digest*>(room);
  found->digest_size = out->size();
  if (::ioctl(fd, FS_IOC_MEASURE_VERITY, found) != 0) return Status::last("FS_IOC_MEASURE_VERITY");
  if (found->digest_algorithm != FS_VERITY_HASH_ALG_SHA256 || found->digest_size != out->size())
    return {ENOTSUP, "FS_IOC_MEASURE_VERITY"};
  std::memcpy(out->data(), found->digest, out->size());
  return {};
}

// Applies the strongest protection, up to the wanted level, that the kernel and the rights of this process
// allow.
void take_hold(int fd, SealLevel wanted, Raised* out) {
  if (wanted >= SealLevel::l3) {
    out->failure = enable_verity(fd);
    if (out->failure.ok()) out->failure = measure_verity(fd, &out->evidence.verity);
    if (out->failure.ok()) {
      out->evidence.hold = Hold::verity;
      out->level = SealLevel::l3;
      return;
    }
  }
  const Status flagged = set_immutable(fd, true);
  if (flagged.ok()) {
    out->evidence.hold = Hold::immutable;
    out->level = SealLevel::l2;
  } else if (out->failure.ok()) {
    out->failure = flagged;
  }
}

// The last raises of this process. They are looked up only for files whose evidence does not match any
// more.
class Raises {
 public:
  void add(const Evidence& before, const Evidence& after) {
    const std::lock_guard lock(mutex_);
    all_[next_++ % all_.size()] = {before, after};
  }
  bool has(const Evidence& before, const struct stat& now) {
    const std::lock_guard lock(mutex_);
    return std::any_of(all_.begin(), all_.end(), [&](const auto& each) {
      const auto& [from, to] = each;
      return from.inode == before.inode && from.seconds == before.seconds &&
             from.nanoseconds == before.nanoseconds && to.fits(now);
    });
  }

 private:
  std::mutex mutex_;
  std::array<std::pair<Evidence, Evidence>, 256> all_;
  size_t next_ = 0;
};

Raises& raises() {
  static Raises instance;
  return instance;
}

}  // namespace

std::string_view seal_level_name(SealLevel level) { return kNames[static_cast<size_t>(level)]; }

std::optional<SealLevel> seal_level_named(std::string_view name) {
  for (size_t level = 0; level < std::size(kNames); level++) {
    if (name == kNames[level]) return static_cast<SealLevel>(level);
  }
  return std::nullopt;
}

Status raise_seal(int fd, const struct stat& verified, SealLevel wanted, Raised* out) {
  *out = {SealLevel::l1, Evidence(verified), {}};
  wanted = std::max(wanted, held_level(fd));
  if (wanted < SealLevel::l2) return {};
  const Lease lease(fd);
  if (!lease.status().ok()) {
    out->failure = lease.status();
    return {};
  }
  struct stat st {};
  if (::fstat(fd, &st) != 0) return Status::last("fstat");
  if (!out->evidence.fits(st)) return {ESTALE, "the file changed before it was sealed"};
  Raised raised = *out;
  take_hold(fd, wanted, &raised);
  if (!lease.unbroken()) {
    if (raised.evidence.hold == Hold::immutable) (void)set_immutable(fd, false);
    return {ESTALE, "the file was opened for writing while it was sealed"};
  }
  if (::fstat(fd, &st) != 0) return Status::last("fstat");
  const Evidence now(st);
  raised.evidence.seconds = now.seconds;
  raised.evidence.nanoseconds = now.nanoseconds;
  // Recorded at once, because a delivery may compare the file at any moment.
  if (!out->evidence.fits(st)) raises().add(out->evidence, raised.evidence);
  *out = raised;
  return raised.evidence.hold == Hold::none || ::fsync(fd) == 0 ? Status{} : Status::last("fsync");
}

bool was_raised(const Evidence& before, const struct stat& now) { return raises().has(before, now); }

std::optional<SealLevel> level_of(int fd, const Evidence& evidence) {
  if (evidence.hold == Hold::verity) {
    VerityDigest found{};
    if (measure_verity(fd, &found).ok())
      return found == evidence.verity ? std::optional(SealLevel::l3) : std::nullopt;
  }
  if (evidence.hold == Hold::immutable && is_immutable(fd)) return SealLevel::l2;
  return on_read_only_file_system(fd) ? SealLevel::l2 : SealLevel::l1;
}

Status release_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return errno == ENOENT || errno == ELOOP ? Status{} : Status::last("open");
  const Status status = set_immutable(fd.get(), false);
  const bool has_none = status.error == ENOTTY || status.error == EOPNOTSUPP || status.error == EINVAL;
  return has_none ? Status{} : status;
}

}  // namespace sealgate
