// Delivery: one Response on its way out through a Channel: its head as the session says it, then its body
// from its sources. How the bytes leave is chosen once, when it starts; no system call here can block on a
// disk: what is not in the page cache is asked of the I/O pool.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/counters.h"
#include "server/response.h"
#include "tls/channel.h"

namespace sealgate {

// A read for the I/O pool. With a buffer the bytes are wanted; without, only that they come into the page
// cache.
struct DiskRead {
  std::shared_ptr<const SealedFile> file;
  uint64_t offset = 0;
  size_t length = 0;
  std::shared_ptr<char[]> buffer;
  ssize_t result = 0;  // bytes, or -errno

  void run();  // blocks
};

class Delivery {
 public:
  enum class Progress : uint8_t {
    done,
    socket_full,  // go on when the socket can be written
    wants_disk,   // run disk_read() elsewhere, then call disk_done()
    fair_share,   // others' turn; go on soon
    cut,          // the connection failed
    seal_broken,  // the file is not what it was: the response cannot be completed
    read_failed,  // the disk refused
  };

  Delivery() = default;
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  Response& response() { return response_; }
  Path path() const { return path_; }
  uint64_t bytes_sent() const { return bytes_sent_; }
  // When the first batch was with the kernel, the same bytes on every path; 0: not yet, or there is only one.
  int64_t first_batch_at() const { return first_batch_at_; }
  void count_response() { traffic_->responses.add(); }

  // Room for the head that start() is given.
  std::string& head() { return head_; }
  // response() is ready, and `head` goes before its body. The channel must be where it is to stay for this
  // response.
  void start(const Channel& channel, SentTraffic& traffic, std::string_view head);
  Progress pump(Channel& channel, RecordBuffers& buffers);
  std::shared_ptr<DiskRead> disk_read() const { return disk_; }
  void disk_done();
  // Frees what only a response under way needs.
  void reset();

 private:
  enum class Filled : uint8_t { some, cold, broken, failed };
  // Bytes that leave in a row: of memory, or of the file.
  struct Stretch {
    const char* memory;  // null: of the file
    uint64_t offset;     // in the file
    uint64_t length;
  };

  Progress pump_stretches(Channel& channel, RecordBuffers& buffers);
  Progress pump_memory(Channel& channel);
  Progress pump_sendfile(Channel& channel);
  Progress pump_copy(Channel& channel, RecordBuffers& buffers);
  Filled fill(char* buffer);
  Filled fill_from_file(const Stretch& stretch, char* to, size_t room, size_t& filled);
  char* room(const Channel& channel, RecordBuffers& buffers);
  void keep_unsent();
  Progress ask_disk(uint64_t offset, size_t length, bool bytes_wanted);
  bool resident(uint64_t offset, size_t length) const;
  bool intact_to_the_end(uint64_t sending) const;
  Progress blocked(const IoResult& result);
  void advance(size_t bytes);
  bool at_end() const { return at_ >= stretches_.size(); }
  bool in_last() const { return at_ + 1 >= stretches_.size(); }
  void count(size_t bytes);
  void time_first_batch();

  Response response_;
  Path path_ = Path::plain_send;
  SentTraffic::Cell* traffic_ = nullptr;  // where this response is counted
  std::string head_;
  std::vector<Stretch> stretches_;
  size_t at_ = 0;           // index of the stretch under way
  uint64_t within_ = 0;     // bytes of it already taken
  uint64_t size_ = 0;       // bytes of all of them
  uint64_t file_left_ = 0;  // bytes of the file still to be taken
  uint64_t bytes_sent_ = 0;
  int64_t first_batch_at_ = 0;
  std::string_view unsent_;  // gathered in the thread's buffer, or in kept_
  std::shared_ptr<char[]> kept_;
  bool cold_ahead_ = false;  // the next byte is not in the page cache
  bool warmed_ = false;      // the window ahead was just read by the I/O pool
  bool disk_failed_ = false;
  bool broken_ = false;  // the file changed while the disk was read
  std::shared_ptr<DiskRead> disk_;
};

}  // namespace sealgate
