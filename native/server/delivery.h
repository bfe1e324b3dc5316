// Delivery: sends one Response through a Channel: the head as the session wrote it, then the body from its
// sources. The path that the bytes take is chosen once, when the response starts. No system call here can
// block on a disk: bytes that are not in the page cache are read by the I/O pool.
//
//   delivery         from memory and from sealed files
//   delivery_framed  bodies that leave in frames between those of other responses
//   delivery_follow  from a growing file
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/counters.h"
#include "server/response.h"
#include "tls/channel.h"

namespace sealgate {

// A read for the I/O pool. With a buffer it returns the bytes; without one it only brings them into the
// page cache.
struct DiskRead {
  std::shared_ptr<const void> file;  // keeps the descriptor open
  int fd = -1;
  uint64_t offset = 0;
  size_t length = 0;
  std::shared_ptr<char[]> buffer;
  ssize_t result = 0;  // bytes, or -errno

  void run();  // blocks until the read is done
};

class Delivery {
 public:
  enum class Progress : uint8_t {
    done,
    caught_up,      // all that there is of a growing file was sent; continue when it has grown
    socket_full,    // continue when the socket is writable
    wants_disk,     // run disk_read() on another thread, then call disk_done()
    fair_share,     // other connections have their turn; continue soon
    cut,            // the connection failed
    seal_broken,    // the file has changed: the response cannot be completed
    read_failed,    // the disk failed to read
    upload_failed,  // the growing file will not become whole
  };

  Delivery();
  ~Delivery();
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  Response& response() { return response_; }
  Path path() const { return path_; }
  uint64_t bytes_sent() const { return bytes_sent_; }
  // When the first batch had been given to the kernel, the same bytes on every path. 0: not yet, or there
  // is only one batch.
  int64_t first_batch_at() const { return first_batch_at_; }
  void count_response() { traffic_->responses.add(); }

  // Memory for the head that is passed to start().
  std::string& head() { return head_; }
  // Starts response(), whose body follows `head`. The channel must not change hands (kernel or userspace)
  // before the response is sent.
  void start(const Channel& channel, SentTraffic& traffic, std::string_view head);
  Progress pump(Channel& channel, RecordBuffers& buffers);
  // Copies so many bytes of the head, if it is `shared` and they have not left.
  void own_head(const char* shared, size_t bytes);

  // --- in place of start() and pump(), where the body leaves in frames between those of other responses ---
  // `first`: bytes of the body that come before those of response().
  void start_framed(const Channel& channel, SentTraffic& traffic, std::string_view first);
  // Takes up to `room` bytes that come next; fewer where the rest has to be read from the disk. done: some
  // were taken.
  Progress take(char* to, size_t room, size_t& taken);
  // The same for the bytes that sendfile(2) may send: they are in the file at *offset. False: the bytes that
  // come next are not among these, so take() gives them.
  bool next_in_file() const {
    return path_ == Path::ktls_sendfile && unsent_.empty() && !at_end() && !stretches_[at_].memory;
  }
  Progress take_slice(size_t room, uint64_t* offset, size_t& taken);
  bool all_taken() const { return at_end() && unsent_.empty(); }
  // Bytes of the response were given to the channel.
  void count_framed(size_t bytes) { count(bytes); }

  // --- where the body is that of a growing file, delivery_follow.cc ---
  // Call it before start(); response() has one body source.
  void follow(std::shared_ptr<GrowingFile> file);
  void end_follow();
  // The response does not say how long its body is.
  bool has_unknown_length() const;
  // The body leaves in chunks (RFC 9112 7.1).
  void send_in_chunks();
  const std::shared_ptr<GrowingFile>& followed() const;
  uint64_t followed_length() const;  // after caught_up: how many bytes the file had

  std::shared_ptr<DiskRead> disk_read() const { return disk_; }
  void disk_done();
  // Frees the memory that only a response under way needs.
  void reset();

 private:
  enum class Filled : uint8_t { some, cold, broken, failed };
  struct Following;
  static constexpr size_t kFramedReadBytes = 4 * kRecordBytes;  // of one read from the disk
  // Bytes that are sent in one run, from memory or from the file.
  struct Stretch {
    const char* memory;  // null: the bytes are in the file
    uint64_t offset;     // of the bytes in the file
    uint64_t length;
  };

  Progress pump_stretches(Channel& channel, RecordBuffers& buffers);
  Progress pump_memory(Channel& channel);
  Progress pump_sendfile(Channel& channel);
  Progress pump_copy(Channel& channel, RecordBuffers& buffers);
  Progress pump_following(Channel& channel, RecordBuffers& buffers);
  Progress fill_following(char* buffer);
  Progress read_following(char* to, size_t most, size_t& taken);
  Progress take_following(char* to, size_t room, size_t& taken);
  void unfill_following();
  Filled fill(char* buffer);
  Filled gather(char* buffer, size_t most, size_t& filled);
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
  SentTraffic::Cell* traffic_ = nullptr;  // the counters of this response
  std::string head_;
  std::vector<Stretch> stretches_;
  size_t at_ = 0;           // index of the current stretch
  uint64_t within_ = 0;     // bytes of the current stretch that were sent
  uint64_t size_ = 0;       // bytes of all stretches
  uint64_t file_left_ = 0;  // bytes of the file that were not sent yet
  uint64_t bytes_sent_ = 0;
  int64_t first_batch_at_ = 0;
  std::string_view unsent_;  // gathered and not sent: a view of the thread's buffer, or of kept_
  std::shared_ptr<char[]> kept_;
  bool cold_ahead_ = false;  // the next byte is not in the page cache
  bool warmed_ = false;      // the I/O pool has just read the next window
  bool disk_failed_ = false;
  bool broken_ = false;  // the file changed while the I/O pool read it
  std::shared_ptr<DiskRead> disk_;
  std::unique_ptr<Following> following_;  // null: the body is no growing file
};

}  // namespace sealgate
