#include "store/staging_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/fd.h"
#include "base/hex.h"
#include "store/sealed_file.h"

namespace sealgate {
namespace {

constexpr mode_t kSealedMode = 0444, kStagingMode = 0600;
constexpr size_t kCopyBytes = 1024 * 1024;
// How much disk space is reserved ahead of the writing: not more, because a stalled client holds it, and
// not less, because small files gain nothing by it.
constexpr uint64_t kReservedBytes = 16 * 1024 * 1024;
constexpr uint64_t kLeastReservedBytes = 1024 * 1024;

Status stat_of_file(int fd, struct stat* st) {
  if (::fstat(fd, st) != 0) return Status::last("fstat");
  if (S_ISDIR(st->st_mode)) return {EISDIR, "open"};
  return S_ISREG(st->st_mode) ? Status{} : Status{EINVAL, "not a regular file"};
}

int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

// Sets the mode only if it is wrong, because even an unchanged mode counts as a change of the inode. The
// mode of an immutable file cannot be set.
void set_mode(int fd, const std::string& path, struct stat* st) {
  const auto set = [fd] { return ::fchmod(fd, kSealedMode) == 0; };
  if (set() || (errno == EPERM && release_file(path).ok() && set())) ::fstat(fd, st);
}

// Reads `fd` to its end in large pieces.
template <typename Take>
Status read_all(int fd, Take take) {
  const auto buffer = std::make_unique<char[]>(kCopyBytes);
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  for (;;) {
    const ssize_t n = ::read(fd, buffer.get(), kCopyBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::last("read");
    if (n == 0) return {};
    if (const Status status = take(buffer.get(), static_cast<size_t>(n)); !status.ok()) return status;
  }
}

// ESTALE when a source changed while it was read, or another number of bytes was read than it has.
Status unchanged(int fd, const struct stat& before, uint64_t read) {
  struct stat after;
  if (::fstat(fd, &after) != 0) return Status::last("fstat");
  const bool same_time =
      before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
  const bool whole = static_cast<uint64_t>(after.st_size) == read;
  return same_time && whole ? Status{} : Status{ESTALE, "source changed while it was read"};
}

struct HashFree {
  void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
};

}  // namespace

StagingFile::~StagingFile() {
  if (!kept_) discard();
  if (fd_ >= 0) ::close(fd_);
  EVP_MD_CTX_free(hash_);
}

Status StagingFile::open(const std::string& path, uint64_t expected, const DigestNames& further) {
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kStagingMode);
  if (fd_ < 0) return Status::last("open staging file");
  path_ = path;
  expected_ = expected;
  hash_ = EVP_MD_CTX_new();
  if (!hash_ || EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr) != 1) return {ENOMEM, "SHA-256"};
  return running_.begin(further);
}

Status StagingFile::resume(const PartialFile& partial) {
  if (!partial.exists()) {
    const Status status = open(partial.path(), 0, partial.further());
    kept_ = status.ok();
    return status;
  }
  fd_ = ::open(partial.path().c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0) return Status::last("open staging file");
  kept_ = true;
  path_ = partial.path();
  size_ = partial.size();
  struct stat st;
  if (const Status status = stat_of_file(fd_, &st); !status.ok()) return status;
  if (static_cast<uint64_t>(st.st_size) < size_) return {ESTALE, "the staging file was cut short"};
  if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return Status::last("ftruncate staging file");
  if (::lseek(fd_, 0, SEEK_END) < 0) return Status::last("lseek staging file");
  hash_ = EVP_MD_CTX_new();
  if (!hash_) return {ENOMEM, "SHA-256"};
  return partial.hashed() ? partial.load(hash_, &running_) : hash_anew(partial.further());
}

Status StagingFile::hash_anew(const DigestNames& further) {
  if (EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr) != 1) return {ENOMEM, "SHA-256"};
  if (const Status status = running_.begin(further); !status.ok()) return status;
  const Fd source(open_to_read(path_));
  if (!source) return Status::last("open staging file");
  return read_all(source.get(), [this](const char* data, size_t size) {
    return EVP_DigestUpdate(hash_, data, size) == 1 ? running_.add(data, size) : Status{EIO, "SHA-256"};
  });
}

// Allocates blocks before they are written, which spares the file system bookkeeping for each page (ext4:
// delayed allocation). It allocates no more than is expected, because blocks beyond the end would stay
// allocated. Errors are ignored: write(2) will report them.
void StagingFile::reserve() {
  const uint64_t bytes = std::min(kReservedBytes, expected_ - reserved_);
  if (::fallocate(fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(reserved_), static_cast<off_t>(bytes)) != 0)
    expected_ = 0;
  reserved_ += bytes;
}

Status StagingFile::write(const void* data, size_t size) {
  if (EVP_DigestUpdate(hash_, data, size) != 1) return {EIO, "SHA-256"};
  if (const Status status = running_.add(data, size); !status.ok()) return status;
  if (size_ + size > reserved_ && expected_ >= reserved_ + kLeastReservedBytes) reserve();
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd_, from, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::last("write staging file");
    from += n;
    size -= static_cast<size_t>(n);
    size_ += static_cast<uint64_t>(n);
  }
  return {};
}

Status StagingFile::end_hash() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_DigestFinal_ex(hash_, digest, &digest_size) != 1) return {EIO, "SHA-256"};
  digest_ = hex(digest, digest_size);
  return running_.end(&further_);
}

Status StagingFile::sync() { return ::fsync(fd_) == 0 ? Status{} : Status::last("fsync staging file"); }

Status StagingFile::finish() {
  if (const Status status = end_hash(); !status.ok()) return status;
  if (::fchmod(fd_, kSealedMode) != 0) return Status::last("fchmod staging file");
  ::close(std::exchange(fd_, -1));
  kept_ = true;
  return {};
}

Status StagingFile::unfinish() {
  return ::chmod(path_.c_str(), kStagingMode) == 0 ? Status{} : Status::last("chmod staging file");
}

Status StagingFile::pause() {
  if (const Status status = end_hash(); !status.ok()) return status;
  ::close(std::exchange(fd_, -1));
  return {};
}

void StagingFile::discard() {
  kept_ = false;
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));  // which frees the disk space of the file
}

Status hash_sealable(const std::string& path, SealLevel wanted, HashedBlob* out) {
  const Fd fd(open_to_read(path));
  if (!fd) return Status::last("open");
  struct stat before, after;
  if (const Status status = stat_of_file(fd.get(), &before); !status.ok()) return status;
  if ((before.st_mode & 07777) != kSealedMode) set_mode(fd.get(), path, &before);
  const std::unique_ptr<EVP_MD_CTX, HashFree> hash(EVP_MD_CTX_new());
  if (!hash || EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr) != 1) return {ENOMEM, "SHA-256"};
  out->size = 0;
  const Status status = read_all(fd.get(), [&](const char* data, size_t n) -> Status {
    out->size += n;
    return EVP_DigestUpdate(hash.get(), data, n) == 1 ? Status{} : Status{EIO, "SHA-256"};
  });
  if (!status.ok()) return status;
  if (::fstat(fd.get(), &after) != 0) return Status::last("fstat");
  if (!Evidence(before).fits(after)) return {ESTALE, "the file changed while it was read"};
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  if (EVP_DigestFinal_ex(hash.get(), bytes, &count) != 1) return {EIO, "SHA-256"};
  out->digest = hex(bytes, count);
  return raise_seal(fd.get(), after, wanted, &out->seal);
}

Status raise_blob(const std::string& path, const Evidence& recorded, SealLevel wanted, Raised* out) {
  const Fd fd(open_to_read(path));
  if (!fd) return Status::last("open");
  struct stat st;
  if (const Status status = stat_of_file(fd.get(), &st); !status.ok()) return status;
  if (!recorded.fits(st)) return {ESTALE, "the file is not as it was recorded"};
  return raise_seal(fd.get(), st, wanted, out);
}

Status import_file(const std::string& source, StagingFile& staging, const std::string& staging_path,
                   const DigestNames& further) {
  struct stat before;
  const Fd fd(open_to_read(source));
  if (!fd) return Status::last("open");
  if (const Status status = stat_of_file(fd.get(), &before); !status.ok()) return status;
  const auto expected = static_cast<uint64_t>(before.st_size);
  if (const Status status = staging.open(staging_path, expected, further); !status.ok()) return status;
  const auto append = [&](const char* data, size_t n) { return staging.write(data, n); };
  if (const Status status = read_all(fd.get(), append); !status.ok()) return status;
  if (const Status status = unchanged(fd.get(), before, staging.size()); !status.ok()) return status;
  return staging.finish();
}

Status import_small_file(const std::string& source, StagingFile& staging, const std::string& staging_path,
                         size_t most, std::string* bytes, const DigestNames& further) {
  struct stat before;
  const Fd fd(open_to_read(source));
  if (!fd) return Status::last("open");
  if (const Status status = stat_of_file(fd.get(), &before); !status.ok()) return status;
  if (static_cast<uint64_t>(before.st_size) > most) return {EFBIG, "the source is not small"};
  // Reads one byte more than expected, to find the end.
  bytes->resize(static_cast<size_t>(before.st_size) + 1);
  const ssize_t n = ::read(fd.get(), bytes->data(), bytes->size());
  if (n < 0) return Status::last("read");
  bytes->resize(static_cast<size_t>(n));
  if (const Status status = unchanged(fd.get(), before, bytes->size()); !status.ok()) return status;
  if (const Status status = staging.open(staging_path, 0, further); !status.ok()) return status;
  if (const Status status = staging.write(bytes->data(), bytes->size()); !status.ok()) return status;
  return staging.finish();
}

}  // namespace sealgate
