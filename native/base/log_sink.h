// LogSink: writes whole lines to a file, pipe or terminal in a thread of its own. Callers never wait: lines
// that cannot be written yet wait in a bounded queue, and are refused when it is full. Writing is retried
// until it works, so a full disk or an absent reader costs only lines that found the queue full. Thread-safe.
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

  // Opens a file to append to; "-" is standard output. Opening the same path again creates a new file if the
  // old one was renamed; waiting lines go to the new file.
  Status open(const std::string& path);
  Status open_descriptor(int fd);
  // Wants no more lines. Those that wait are written.
  void disable() { enabled_.store(false, std::memory_order_relaxed); }
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  // Queues lines, each with its newline. False when the queue is full; then none of them is written.
  bool write(std::string lines);
  // Waits at most `milliseconds` until everything is written. False when that is not the case.
  bool flush(int64_t milliseconds);

  size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }  // bytes
  // Milliseconds since anything was written, while lines wait: its reader has stopped, or its disk has.
  int64_t stalled() const;
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
  std::atomic<int64_t> since_{0};  // CLOCK_MONOTONIC, ms: the last write, or the first line that waits
  std::mutex mutex_;               // guards the members up to file_
  std::deque<std::string> queue_;
  File next_;
  bool ending_ = false;
  Status failure_;
  Fd wake_;

  // Used only by the writing thread.
  File file_;
  std::string lines_;
  size_t done_ = 0;  // of lines_
  std::thread thread_;
};

}  // namespace sealgate
