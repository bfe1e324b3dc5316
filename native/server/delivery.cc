#include "server/delivery.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"

namespace sealgate {
namespace {

// How many bytes are gathered at a time: they fit into a processor's cache both plain and protected. A
// response that needs no second batch is gathered whole.
constexpr size_t kBatchBytes = 4 * kRecordBytes;
constexpr size_t batch_of(uint64_t left) {
  return left <= RecordBuffers::kBytes ? RecordBuffers::kBytes : kBatchBytes;
}
// Up to this many bytes of a file are copied and sent together with the head, which is cheaper than a
// second system call.
constexpr size_t kCopiedBytes = kRecordBytes;
// Bytes for one sendfile(2), after one check of the page cache.
constexpr size_t kWindowBytes = 32 * kRecordBytes;
constexpr uint64_t kFairShare = 512 * 1024;  // bytes that one connection sends before others have their turn
// Bytes that one read by the I/O pool brings into the page cache.
constexpr size_t kDiskReadBytes = 1024 * 1024;

#ifndef SYS_cachestat
#define SYS_cachestat 451  // Linux 6.5; newer than this libc's headers
#endif
struct CachestatRange {
  uint64_t offset, length;
};
struct Cachestat {
  uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

// cachestat(2): whether all pages of the range are cached. -1: this kernel cannot tell.
int all_cached(int fd, uint64_t offset, size_t length) {
  static std::atomic<bool> missing{false};
  if (missing.load(std::memory_order_relaxed)) return -1;
  constexpr uint64_t kPage = 4096;
  CachestatRange range{offset, length};
  Cachestat stat{};
  if (::syscall(SYS_cachestat, fd, &range, &stat, 0) != 0) {
    if (errno == ENOSYS) missing.store(true, std::memory_order_relaxed);
    return -1;
  }
  return stat.cached >= (offset + length + kPage - 1) / kPage - offset / kPage;
}

// Whether the page of one byte is cached: preadv2(2) with RWF_NOWAIT.
bool byte_cached(int fd, uint64_t offset) {
  char byte;
  iovec to{&byte, 1};
  return ::preadv2(fd, &to, 1, static_cast<off_t>(offset), RWF_NOWAIT) == 1;
}

// Waits until the pages are in the page cache. The bytes read are not used, so each read overwrites the
// one before.
ssize_t await_pages(int fd, off_t offset, size_t length) {
  char place[kRecordBytes];
  iovec to[kWindowBytes / kRecordBytes];
  size_t parts = 0;
  for (; length > 0 && parts < std::size(to); parts++) {
    to[parts] = {place, std::min(length, sizeof place)};
    length -= to[parts].iov_len;
  }
  return ::preadv(fd, to, static_cast<int>(parts), offset);
}

}  // namespace

void DiskRead::run() {
  const auto from = static_cast<off_t>(offset);
  ::posix_fadvise(fd, from, kDiskReadBytes, POSIX_FADV_WILLNEED);
  const ssize_t n = buffer ? ::pread(fd, buffer.get(), length, from) : await_pages(fd, from, length);
  result = n < 0 ? -errno : n;
}

void Delivery::start(const Channel& channel, SentTraffic& traffic, std::string_view head) {
  stretches_.clear();
  stretches_.push_back({head.data(), 0, head.size()});
  size_ = head.size();
  file_left_ = 0;
  for (const BodySource& source : response_.body) {
    const bool in_file = source.kind == BodySource::Kind::sealed_file;
    const char* const memory =
        source.kind == BodySource::Kind::memory ? response_.memory.data() + source.offset : nullptr;
    stretches_.push_back({memory, source.offset, source.length});
    size_ += source.length;
    if (in_file) file_left_ += source.length;
  }
  at_ = within_ = bytes_sent_ = 0;
  first_batch_at_ = 0;
  unsent_ = {};
  cold_ahead_ = warmed_ = disk_failed_ = broken_ = false;
  disk_.reset();
  const bool may_sendfile = file_left_ > 0 && size_ > kCopiedBytes &&
                            response_.plan->file->level() >= response_.plan->plan.floor.level &&
                            channel.may_sendfile(*response_.plan->file);
  if (!channel.is_tls()) {
    path_ = may_sendfile ? Path::plain_sendfile : Path::plain_send;
  } else if (channel.sends_by_kernel()) {
    path_ = may_sendfile ? Path::ktls_sendfile : Path::ktls_send;
  } else {
    path_ = file_left_ > 0 ? Path::tls_file : Path::tls_send;
  }
  std::optional<SealLevel> level;
  if (response_.plan) level = response_.plan->file->level();
  traffic_ = &traffic.cell(path_, channel.suite(), level);
}

void Delivery::own_head(const char* shared, size_t bytes) {
  if (at_ != 0 || at_end() || stretches_[0].memory != shared || within_ >= bytes) return;
  head_.assign(shared, bytes);
  stretches_[0].memory += bytes;
  stretches_[0].length -= bytes;
  stretches_.insert(stretches_.begin(), {head_.data(), 0, bytes});
}

void Delivery::reset() {
  bytes_sent_ = 0;
  response_.clear();
  stretches_.clear();  // its views are of the memory that was freed above
  kept_.reset();
  disk_.reset();
}

Delivery::Progress Delivery::pump(Channel& channel, RecordBuffers& buffers) {
  if (disk_failed_) return Progress::read_failed;
  if (broken_) return Progress::seal_broken;
  const Progress progress = pump_stretches(channel, buffers);
  if (progress > Progress::caught_up) return progress;
  const IoState flushed = channel.flush();
  return flushed == IoState::ok ? progress : blocked({flushed});
}

Delivery::Progress Delivery::pump_stretches(Channel& channel, RecordBuffers& buffers) {
  if (file_left_ == 0 && unsent_.empty() && stretches_.size() == 1) return pump_memory(channel);
  if (following_) return pump_following(channel, buffers);
  if (path_ == Path::plain_sendfile || path_ == Path::ktls_sendfile) return pump_sendfile(channel);
  return pump_copy(channel, buffers);
}

void Delivery::count(size_t bytes) {
  bytes_sent_ += bytes;
  traffic_->bytes.add(bytes);
}

// Notes the time of a response's first batch, when it has several. With a single batch the first byte's
// time is that of the end, which the caller takes.
void Delivery::time_first_batch() {
  if (first_batch_at_ == 0 && bytes_sent_ >= batch_of(size_) && bytes_sent_ < size_)
    first_batch_at_ = monotonic_us();
}

void Delivery::advance(size_t bytes) {
  const Stretch& stretch = stretches_[at_];
  within_ += bytes;
  if (!stretch.memory) file_left_ -= bytes;
  if (within_ == stretch.length) {
    at_++;
    within_ = 0;
  }
}

Delivery::Progress Delivery::blocked(const IoResult& result) {
  if (result.state == IoState::unreadable) return Progress::read_failed;
  return result.state == IoState::again ? Progress::socket_full : Progress::cut;
}

// Sends a body that is in memory directly from there.
Delivery::Progress Delivery::pump_memory(Channel& channel) {
  while (!at_end()) {
    const Stretch& stretch = stretches_[at_];
    const uint64_t left = stretch.length - within_;
    const IoResult result = channel.write(stretch.memory + within_, left, false);
    if (result.state != IoState::ok) return blocked(result);
    count(result.bytes);
    advance(result.bytes);
  }
  return Progress::done;
}

// Sends heads by send(2) with MSG_MORE, so that they share records and segments with the bytes that
// follow, which the kernel takes from the page cache. The kernel ends a record where a sendfile(2) ends,
// so each sendfile(2) is made to end where a full record does, even after a full socket made it begin
// elsewhere.
Delivery::Progress Delivery::pump_sendfile(Channel& channel) {
  uint64_t share = kFairShare;
  while (!at_end()) {
    if (share < kRecordBytes) return Progress::fair_share;
    const Stretch& stretch = stretches_[at_];
    const uint64_t left = stretch.length - within_;
    IoResult result;
    if (!stretch.memory) {
      const uint64_t batch = first_batch_at_ == 0 ? batch_of(size_) : kWindowBytes;
      const uint64_t most = std::min<uint64_t>(batch, share) / kRecordBytes * kRecordBytes;
      const size_t window = std::min(left, most - bytes_sent_ % kRecordBytes);
      if (!warmed_ && !resident(stretch.offset + within_, window)) {
        return ask_disk(stretch.offset + within_, window, false);
      }
      warmed_ = false;
      if (!intact_to_the_end(window)) return Progress::seal_broken;
      result = channel.sendfile(*response_.plan->file, stretch.offset + within_, window);
      if (result.state == IoState::ok && result.bytes == 0) return Progress::seal_broken;
      share -= std::min<uint64_t>(share, result.bytes);
    } else {
      result = channel.write(stretch.memory + within_, left, !in_last());
    }
    if (result.state != IoState::ok) return blocked(result);
    count(result.bytes);
    advance(result.bytes);
    time_first_batch();
  }
  return Progress::done;
}

// Gathers stretches in a buffer of whole records, so that head and body share records.
Delivery::Progress Delivery::pump_copy(Channel& channel, RecordBuffers& buffers) {
  uint64_t share = kFairShare;
  for (;;) {
    while (!unsent_.empty()) {
      const bool more = !at_end() && !cold_ahead_;
      const IoResult result = channel.write(unsent_.data(), unsent_.size(), more);
      if (result.state != IoState::ok) return keep_unsent(), blocked(result);
      unsent_.remove_prefix(result.bytes);
      count(result.bytes);
      time_first_batch();
      share -= std::min<uint64_t>(share, result.bytes);
    }
    kept_.reset();
    if (at_end()) return Progress::done;
    if (share == 0) return Progress::fair_share;
    switch (fill(room(channel, buffers))) {
      case Filled::some: break;
      case Filled::broken: return Progress::seal_broken;
      case Filled::failed: return Progress::read_failed;
      case Filled::cold: {
        const uint64_t offset = stretches_[at_].offset + within_;
        const uint64_t left = stretches_[at_].length - within_;
        return ask_disk(offset, std::min<uint64_t>(left, kBatchBytes), true);
      }
    }
  }
}

char* Delivery::room(const Channel& channel, RecordBuffers& buffers) {
  if (channel.writes_may_move()) return buffers.plaintext.get();
  kept_ = std::shared_ptr<char[]>(new char[RecordBuffers::kBytes]);
  return kept_.get();
}

// Copies the unsent bytes, because the thread's buffer serves the next response.
void Delivery::keep_unsent() {
  if (kept_) return;
  kept_ = std::shared_ptr<char[]>(new char[unsent_.size()]);
  std::memcpy(kept_.get(), unsent_.data(), unsent_.size());
  unsent_ = {kept_.get(), unsent_.size()};
}

Delivery::Filled Delivery::fill(char* buffer) {
  size_t filled = 0;
  const Filled result = gather(buffer, batch_of(size_ - bytes_sent_), filled);
  if (result == Filled::some) unsent_ = {buffer, filled};
  return result;
}

Delivery::Filled Delivery::gather(char* buffer, size_t most, size_t& filled) {
  cold_ahead_ = false;
  while (filled < most && !at_end() && !cold_ahead_) {
    const Stretch& stretch = stretches_[at_];
    const size_t room = std::min<uint64_t>(most - filled, stretch.length - within_);
    if (!stretch.memory) {
      const Filled from_file = fill_from_file(stretch, buffer + filled, room, filled);
      cold_ahead_ = from_file == Filled::cold && filled > 0;
      if (from_file != Filled::some && !cold_ahead_) return from_file;
    } else {
      std::memcpy(buffer + filled, stretch.memory + within_, room);
      filled += room;
      advance(room);
    }
  }
  return Filled::some;
}

Delivery::Filled Delivery::fill_from_file(const Stretch& stretch, char* to, size_t room, size_t& filled) {
  const SealedFile& file = *response_.plan->file;
  iovec into{to, room};
  const off_t offset = static_cast<off_t>(stretch.offset + within_);
  const ssize_t n = ::preadv2(file.fd(), &into, 1, offset, file.always_resident() ? 0 : RWF_NOWAIT);
  if (n < 0) return errno == EAGAIN ? Filled::cold : Filled::failed;
  if (n == 0 || !intact_to_the_end(static_cast<uint64_t>(n))) return Filled::broken;
  filled += static_cast<size_t>(n);
  advance(static_cast<size_t>(n));
  return Filled::some;
}

// Compares the file with its record once more before its last bytes are sent, so that a client whose
// response is complete has bytes that were sealed from the first to the last.
bool Delivery::intact_to_the_end(uint64_t sending) const {
  return sending < file_left_ ||
         response_.plan->file->recheck(SealedFile::Name::may_be_gone) == SealBreak::none;
}

bool Delivery::resident(uint64_t offset, size_t length) const {
  const SealedFile& file = *response_.plan->file;
  if (file.always_resident()) return true;
  const int cached = all_cached(file.fd(), offset, length);
  if (cached >= 0) return cached != 0;
  return byte_cached(file.fd(), offset) && byte_cached(file.fd(), offset + length - 1);
}

Delivery::Progress Delivery::ask_disk(uint64_t offset, size_t length, bool bytes_wanted) {
  disk_ = std::make_shared<DiskRead>();
  if (following_) {
    disk_->file = followed();
    disk_->fd = followed()->fd();
  } else {
    disk_->file = response_.plan->file;
    disk_->fd = response_.plan->file->fd();
  }
  disk_->offset = offset;
  disk_->length = length;
  if (bytes_wanted) disk_->buffer = std::shared_ptr<char[]>(new char[length]);
  return Progress::wants_disk;
}

void Delivery::disk_done() {
  disk_failed_ = disk_->result < 0;
  if (disk_->buffer && disk_->result > 0) {
    kept_ = disk_->buffer;
    unsent_ = {kept_.get(), static_cast<size_t>(disk_->result)};
    cold_ahead_ = false;
    broken_ = !intact_to_the_end(unsent_.size());
    advance(unsent_.size());
  }
  warmed_ = !disk_->buffer;
  disk_.reset();
}

}  // namespace sealgate
