// LogSink: a file, pipe or terminal that whole lines are written to by a thread of its own. Whoever has lines
// never waits: what cannot be written waits in a bounded queue, and what finds no room there is refused.
// Writing is tried again until it works, so a disk that was full or a reader that was away costs only what
// the queue could not hold. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class LogSink {
 public:
  static constexpr size_t kMaxWaiting = 8 * 1024 * 1024;  // bytes

  explicit LogSink(size_t max_waiting = kMaxWaiting) : max_waiting_(max_waiting) {}
  ~LogSink();  // writes what can be written without waiting
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  // Appends; "-" is standard output. The same path again opens a new file where the old one was renamed; what
  // waits goes there.
  Status open(const std::string& path);
  Status open_descriptor(int fd);
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  // Lines with their newlines. False when too much is waiting; then nothing of them will be written.
  bool write(std::string lines);
  // Waits for up to so many milliseconds until everything is written. False: it is not.
  bool flush(int64_t milliseconds);

  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }  // bytes
  Status failure();  // of the last attempt to write; ok: it worked, or it waits for a reader

 private:
  enum class Kind : uint8_t { regular, stream, socket };
  enum class Wrote : uint8_t { some, blocked, failed };
  struct File {
    Fd fd;
    Kind kind = Kind::regular;
  };

  static Status describe_kind(File& file);
  Status use(File file);
  void work();
  bool take();
  Wrote write_some();
  Wrote fail(int error);
  size_t line_start() const;
  void take_back_torn_line();
  void wait(Wrote last);

  const size_t max_waiting_;
  std::atomic<bool> enabled_{false};
  std::atomic<size_t> waiting_{0};
  std::mutex mutex_;  // of all below, up to the thread's own
  std::deque<std::string> queue_;
  File next_;
  bool ending_ = false;
  Status failure_;
  Fd wake_;

  // The thread's own.
  File file_;
  std::string lines_;
  size_t done_ = 0;  // of lines_
  std::thread thread_;
};

}  // namespace sealgate
