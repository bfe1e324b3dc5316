#include "store/blob_hash.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/hex.h"
#include "store/sealed_file.h"

namespace sealgate {
namespace {

// Alignment of the buffers and offsets of direct reads; no device needs more.
constexpr size_t kAlignment = 65536;
constexpr uint64_t kPageBytes = 4096;
// How far the kernel may read ahead (read_ahead_kb is usually 128, on some devices 8192), and how far back
// one unit of the page cache may reach that holds many pages and is dropped as a whole (large folios).
constexpr uint64_t kAheadBytes = 32 * 1024 * 1024;
constexpr uint64_t kBackBytes = 4 * 1024 * 1024;

Status stat_of_file(int fd, struct stat* st) {
  if (::fstat(fd, st) != 0) return Status::last("fstat");
  if (S_ISDIR(st->st_mode)) return {EISDIR, "open"};
  return S_ISREG(st->st_mode) ? Status{} : Status{EINVAL, "not a regular file"};
}

// The size of the next piece when `left` bytes of the file remain: whole blocks, which direct reads need.
size_t piece_bytes(uint64_t left) {
  return static_cast<size_t>(
      std::min<uint64_t>((left + kPageBytes - 1) / kPageBytes * kPageBytes, BlobHash::kPieceBytes));
}

}  // namespace

void BlobHash::Freed::operator()(char* bytes) const { std::free(bytes); }

Status BlobHash::open(const std::string& path, ReadFrom from) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  from_ = from;
  file_ = Fd(::open(path.c_str(), from == ReadFrom::disk ? kFlags | O_DIRECT : kFlags));
  if (!file_ && from == ReadFrom::disk && errno == EINVAL) return open(path, ReadFrom::beside);
  if (!file_) return Status::last("open");
  struct stat st;
  if (const Status status = stat_of_file(file_.get(), &st); !status.ok()) return status;
  size_ = static_cast<uint64_t>(st.st_size);
  evidence_ = evidence_of(st);
  const size_t bytes = (piece_bytes(size_) + kAlignment - 1) / kAlignment * kAlignment;
  buffer_.reset(static_cast<char*>(std::aligned_alloc(kAlignment, std::max(bytes, kAlignment))));
  hash_.reset(EVP_MD_CTX_new());
  const bool ready = buffer_ && hash_ && EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) == 1;
  return ready ? Status{} : Status{ENOMEM, "SHA-256"};
}

Status BlobHash::step(size_t pieces, uint64_t* read) {
  *read = 0;
  for (; pieces > 0; pieces--) {
    size_t n = 0;
    if (const Status status = read_piece(&n); !status.ok()) return status;
    if (n == 0) break;
    if (EVP_DigestUpdate(hash_.get(), buffer_.get(), n) != 1) return {EIO, "SHA-256"};
    *read += n;
  }
  return {};
}

Status BlobHash::read_piece(size_t* read) {
  // Asks for no more than the file has, because the kernel clears the rest of the buffer of a direct read.
  const size_t wanted = at_ < size_ ? piece_bytes(size_ - at_) : 0;
  if (wanted == 0) return {};
  note_resident(at_ + wanted + kAheadBytes);
  ssize_t n = 0;
  do {
    n = ::pread(file_.get(), buffer_.get(), wanted, static_cast<off_t>(at_));
    // Some file systems report only at the first read that they, or this file, have no direct reads.
    if (n < 0 && errno == EINVAL && from_ == ReadFrom::disk) {
      from_ = ReadFrom::beside;
      ::fcntl(file_.get(), F_SETFL, O_RDONLY | O_NONBLOCK);
      errno = EINTR;
    }
  } while (n < 0 && errno == EINTR);
  if (n < 0) return Status::last("read");
  *read = static_cast<size_t>(n);
  at_ += *read;
  drop_read(at_);
  return *read < wanted && at_ < size_ ? Status{ESTALE, "the file was cut off while it was read"} : Status{};
}

// Notes which pages are in memory, ahead of the read: pages that other readers have marked make the kernel
// read further ahead, and what it brings in was not there before. For a file of another user all pages
// count as present (mincore(2)).
void BlobHash::note_resident(uint64_t end) {
  const uint64_t noted = noted_from_ + resident_.size() * kPageBytes;
  end = (std::min(end, size_) + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (end <= noted) return;
  const size_t bytes = end - noted;
  const size_t before = resident_.size();
  resident_.resize(before + bytes / kPageBytes, 1);
  void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file_.get(), static_cast<off_t>(noted));
  if (at == MAP_FAILED) return;
  ::mincore(at, bytes, resident_.data() + before);
  ::munmap(at, bytes);
}

void BlobHash::drop_read(uint64_t end) {
  const size_t count = std::min<size_t>((end - noted_from_ + kPageBytes - 1) / kPageBytes, resident_.size());
  for (size_t from = 0, to = 0; from < count; from = to) {
    const bool was_there = resident_[from] & 1;
    while (to < count && static_cast<bool>(resident_[to] & 1) == was_there) to++;
    if (was_there) continue;
    ::posix_fadvise(file_.get(), static_cast<off_t>(noted_from_ + from * kPageBytes),
                    static_cast<off_t>((to - from) * kPageBytes), POSIX_FADV_DONTNEED);
  }
  const size_t old = count - std::min<size_t>(count, kBackBytes / kPageBytes);
  resident_.erase(resident_.begin(), resident_.begin() + static_cast<ptrdiff_t>(old));
  noted_from_ += old * kPageBytes;
}

Status BlobHash::finish(Result* out) {
  struct stat now;
  if (::fstat(file_.get(), &now) != 0) return Status::last("fstat");
  if (evidence_of(now) != evidence_) return {ESTALE, "the file changed while it was read"};
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  if (EVP_DigestFinal_ex(hash_.get(), bytes, &count) != 1) return {EIO, "SHA-256"};
  *out = {hex(bytes, count), at_};
  return {};
}

}  // namespace sealgate
