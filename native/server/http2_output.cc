#include "server/http2_output.h"

#include <cstring>
#include <utility>

#include "base/text.h"

namespace sealgate {

void Http2Output::add_written(size_t bytes) {
  if (pieces_.empty() || pieces_.back().file) pieces_.push_back({});
  pieces_.back().bytes += bytes;
  in_buffer_ += bytes;
  gathered_ += bytes;
  queued_ += bytes;
  memory_ = {buffer_, in_buffer_};
}

void Http2Output::add(std::string_view bytes) {
  std::memcpy(room().data(), bytes.data(), bytes.size());
  add_written(bytes.size());
}

void Http2Output::add_file(std::shared_ptr<const SealedFile> file, uint64_t offset, size_t bytes) {
  pieces_.push_back({bytes, std::move(file), offset});
  gathered_ += bytes;
  queued_ += bytes;
}

// A header in front of a slice shares its record: the kernel goes on with one that MSG_MORE has left open.
IoResult Http2Output::write_next(Channel& channel) {
  Piece& piece = pieces_[at_];
  IoResult result;
  if (piece.file) {
    result = channel.sendfile(*piece.file, piece.offset, piece.bytes);
    // The file ended early, and what the frame promises cannot be sent.
    if (result.state == IoState::ok && result.bytes == 0) return {IoState::unreadable};
    piece.offset += result.bytes;
  } else {
    result = channel.write(memory_.data(), piece.bytes, at_ + 1 < pieces_.size());
    memory_.remove_prefix(result.bytes);
  }
  piece.bytes -= result.bytes;
  written_ += result.bytes;
  return result;
}

IoState Http2Output::write(Channel& channel) {
  while (at_ < pieces_.size()) {
    const IoResult result = write_next(channel);
    if (result.state != IoState::ok) return keep_unsent(), result.state;
    if (pieces_[at_].bytes == 0) at_++;
  }
  pieces_.clear();
  at_ = 0;
  if (!kept_.empty()) free_memory(kept_);
  return channel.flush();
}

// Copies the unsent bytes, because the thread's buffer serves the next connection.
void Http2Output::keep_unsent() {
  if (memory_.empty() || !kept_.empty()) return;
  kept_.assign(memory_);
  memory_ = kept_;
}

}  // namespace sealgate
