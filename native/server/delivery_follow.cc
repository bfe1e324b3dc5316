// Delivery, the part that sends a growing file: what there is of it, and the rest as it comes. A client that
// does not read holds no bytes of it: what could not be sent is read once more.
#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "server/delivery.h"

namespace sealgate {
namespace {

constexpr size_t kBatchBytes = 4 * kRecordBytes;
constexpr uint64_t kFairShare = 512 * 1024;  // bytes that one connection sends before others have their turn
// Room in front of the bytes of a batch for the head of the response and that of a chunk.
constexpr size_t kRoomBefore = 32 * 1024;
constexpr size_t kChunkHead = 16 + 2;  // at most: hexadecimal digits, CR LF
constexpr std::string_view kChunkEnd = "\r\n", kLastChunk = "0\r\n\r\n";
static_assert(kRoomBefore + kBatchBytes + kChunkEnd.size() + kLastChunk.size() <= RecordBuffers::kBytes);

}  // namespace

// The position in the file is that of the second stretch; the first is the head of the response.
struct Delivery::Following {
  std::shared_ptr<GrowingFile> file;
  bool in_chunks = false;
  uint64_t chunk_left = 0;  // bytes that a chunk was said to have, and that were not given yet
  std::string before;       // what is to be sent before the next bytes of the file
  uint64_t seen = 0;        // length of the file when it was last looked at
  // The parts of what was filled last.
  size_t filled_before = 0, filled = 0, filled_after = 0;
};

Delivery::Delivery() = default;
Delivery::~Delivery() = default;

void Delivery::follow(std::shared_ptr<GrowingFile> file) {
  following_ = std::make_unique<Following>();
  following_->file = std::move(file);
}

void Delivery::end_follow() { following_.reset(); }

bool Delivery::has_unknown_length() const {
  return following_ && response_.body.front().length == BodySource::kToTheEnd;
}
void Delivery::send_in_chunks() { following_->in_chunks = true; }
const std::shared_ptr<GrowingFile>& Delivery::followed() const { return following_->file; }
uint64_t Delivery::followed_length() const { return following_->seen; }

// Reads what comes next, and ends the stretch with the last byte. caught_up: there is nothing new. Where the
// head promises a number of bytes, the client would take the last of them for the end; so it has to wait
// until the upload is known to be whole.
Delivery::Progress Delivery::read_following(char* to, size_t most, size_t& taken) {
  taken = 0;
  const GrowingFile& file = *following_->file;
  const GrowingFile::State state = file.state();
  following_->seen = file.length();
  if (state == GrowingFile::State::failed) return Progress::upload_failed;
  const Stretch& stretch = stretches_[at_];
  const bool whole = state == GrowingFile::State::whole;
  const uint64_t there = following_->seen - std::min(following_->seen, stretch.offset);
  uint64_t end = std::min(there, stretch.length);
  if (!whole && stretch.offset + stretch.length == file.expected()) end = std::min(end, stretch.length - 1);
  iovec into{to, std::min<uint64_t>(most, end - within_)};
  if (into.iov_len > 0) {
    const off_t offset = static_cast<off_t>(stretch.offset + within_);
    const ssize_t n = ::preadv2(file.fd(), &into, 1, offset, file.always_resident() ? 0 : RWF_NOWAIT);
    if (n < 0 && errno == EAGAIN) return ask_disk(stretch.offset + within_, into.iov_len, false);
    if (n <= 0) return Progress::read_failed;
    taken = static_cast<size_t>(n);
    within_ += taken;
  }
  const bool promised = stretch.length != BodySource::kToTheEnd;
  if (within_ == stretch.length || (whole && within_ == end && !promised)) return at_++, Progress::done;
  if (taken > 0) return Progress::done;
  return whole && promised ? Progress::read_failed : Progress::caught_up;
}

// --- over HTTP/1.1 ---

Delivery::Progress Delivery::pump_following(Channel& channel, RecordBuffers& buffers) {
  uint64_t share = kFairShare;
  for (;;) {
    while (!unsent_.empty()) {
      const IoResult result = channel.write(unsent_.data(), unsent_.size(), false);
      if (result.state != IoState::ok) {
        if (channel.writes_may_move()) unfill_following();
        return blocked(result);
      }
      unsent_.remove_prefix(result.bytes);
      count(result.bytes);
      share -= std::min<uint64_t>(share, result.bytes);
    }
    kept_.reset();
    if (at_end() && following_->before.empty()) return Progress::done;
    if (share == 0) return Progress::fair_share;
    const Progress progress = fill_following(room(channel, buffers));
    if (progress != Progress::done) return progress;
  }
}

// Puts the next batch into the buffer, framed; what comes before its bytes is put in front of them when their
// number is known.
Delivery::Progress Delivery::fill_following(char* buffer) {
  Following& f = *following_;
  if (at_ == 0) {
    f.before.assign(stretches_[0].memory, stretches_[0].length);
    at_++;
  }
  f.filled_before = f.before.size();
  f.filled = f.filled_after = 0;
  if (f.before.size() > kRoomBefore - kChunkHead || at_end()) {
    const size_t first = std::min(f.before.size(), RecordBuffers::kBytes);
    std::copy_n(f.before.data(), first, buffer);
    f.before.erase(0, first);
    unsent_ = {buffer, first};
    return Progress::done;
  }
  char* const bytes = buffer + kRoomBefore;
  const bool within_chunk = f.chunk_left > 0;
  const uint64_t most = within_chunk ? std::min<uint64_t>(f.chunk_left, kBatchBytes) : kBatchBytes;
  const Progress progress = read_following(bytes, most, f.filled);
  if (progress != Progress::done && (f.before.empty() || progress > Progress::caught_up)) return progress;
  std::string after;
  if (f.in_chunks) {
    if (!within_chunk && f.filled > 0) {
      char head[kChunkHead];
      f.before.append(head, std::to_chars(head, head + sizeof head, f.filled, 16).ptr).append("\r\n");
      f.chunk_left = f.filled;
    }
    f.chunk_left -= f.filled;
    if (f.filled > 0 && f.chunk_left == 0) after = kChunkEnd;
    if (at_end()) after += kLastChunk;
  }
  f.filled_before = f.before.size();
  f.filled_after = after.size();
  char* const begin = bytes - f.before.size();
  std::copy_n(f.before.data(), f.before.size(), begin);
  std::copy_n(after.data(), after.size(), bytes + f.filled);
  unsent_ = {begin, f.filled_before + f.filled + f.filled_after};
  f.before.clear();
  return Progress::done;
}

// Keeps only what cannot be made again of what was filled and not sent.
void Delivery::unfill_following() {
  Following& f = *following_;
  const size_t unsent = unsent_.size();
  if (unsent <= f.filled_after) {
    f.before.insert(0, unsent_);
  } else {
    const size_t bytes = std::min(unsent - f.filled_after, f.filled);
    const size_t before = unsent - f.filled_after - bytes;
    f.before.insert(0, unsent_.substr(0, before));
    if (f.filled > 0 || f.filled_after > 0) at_ = 1;
    within_ -= bytes;
    if (f.in_chunks) f.chunk_left += bytes;
  }
  unsent_ = {};
}

// --- in frames ---

Delivery::Progress Delivery::take_following(char* to, size_t room, size_t& taken) {
  if (at_ == 0) at_++;
  return read_following(to, room, taken);
}

}  // namespace sealgate
