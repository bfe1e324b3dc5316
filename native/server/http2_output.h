// Http2Output: the frames of one connection on their way into its channel. They are gathered in the thread's
// buffer, several to a system call; slices of files stand between them where the kernel takes the pages
// itself. A frame that has begun is always finished, whatever becomes of its stream: who reads frames would
// lose its place otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/sealed_file.h"
#include "tls/channel.h"

namespace sealgate {

class Http2Output {
 public:
  // How much is gathered: what is queued delays a frame that is more urgent, and is held for a client that
  // does not read.
  static constexpr size_t kBatchBytes = 4 * kRecordBytes;
  static constexpr size_t kBufferBytes = RecordBuffers::kBytes;

  bool empty() const { return pieces_.empty(); }
  bool full() const { return gathered_ >= kBatchBytes; }
  // Bytes handed to the channel since the connection began, and those that were queued.
  uint64_t written() const { return written_; }
  uint64_t queued() const { return queued_; }

  // Call it while it is empty: what follows is gathered in `buffer`, which write() may still need.
  void begin(char* buffer) {
    buffer_ = buffer;
    in_buffer_ = gathered_ = 0;
  }
  // Room for bytes behind those that are gathered; add_written() takes as many as were put there.
  std::span<char> room() { return {buffer_ + in_buffer_, kBufferBytes - in_buffer_}; }
  void add_written(size_t bytes);
  void add(std::string_view bytes);
  void add_file(std::shared_ptr<const SealedFile> file, uint64_t offset, size_t bytes);

  // again: the socket is full, and the unsent bytes were copied out of the buffer. unreadable: the frame that
  // is being sent cannot be completed, because its file has not the bytes, or the disk fails.
  IoState write(Channel& channel);

 private:
  struct Piece {
    size_t bytes = 0;
    std::shared_ptr<const SealedFile> file;  // null: the bytes are in memory
    uint64_t offset = 0;
  };

  IoResult write_next(Channel& channel);
  void keep_unsent();

  std::vector<Piece> pieces_;
  size_t at_ = 0;            // the piece to write next
  std::string_view memory_;  // of the pieces that were not written
  char* buffer_ = nullptr;
  size_t in_buffer_ = 0;
  size_t gathered_ = 0;
  std::string kept_;
  uint64_t written_ = 0, queued_ = 0;
};

}  // namespace sealgate
