// The access log: one JSON line for each response, whole or cut. Reactors collect lines; the I/O pool writes
// them, so that no reactor waits for a disk. When the disk does not keep up, lines are dropped and counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "counters.h"
#include "fd.h"
#include "io_pool.h"
#include "status.h"

namespace sealgate {

struct AccessRecord {
  int64_t started = 0;     // microseconds since the epoch, when the head was complete
  int64_t first_byte = 0;  // microseconds from there until the response's first byte was handed to the kernel
  int64_t duration = 0;    // and its last
  std::string_view peer;   // address
  std::string_view subject;   // of the client's certificate
  std::string_view protocol;  // "TLSv1.3"; empty: plaintext, and so are the next four
  std::string_view cipher;
  std::string_view tx, rx;  // who had that direction: "kernel", or why not
  std::string_view group;   // of the rollout
  bool resumed = false;
  std::string_view request;                     // its name: unique, or as a proxy in front called it
  std::string_view trace;                       // traceparent (W3C Trace Context), as sent
  std::string_view method, target, user_agent;  // as sent; empty when the head could not be read
  int status = 0;
  uint64_t received = 0, sent = 0;  // bytes of bodies, and of heads and bodies
  std::string_view path;            // "ktls-sendfile"
  std::string_view seal;            // "L1"; empty: generated content
  bool cut = false;                 // the last byte never left
};

// Without the newline.
std::string access_line(const AccessRecord& record);

// The file of all reactors. Thread-safe.
class AccessLog {
 public:
  // Appends; "-" is standard output. Opens a file of the same name anew when it is open already, so that logs
  // can be rotated by renaming.
  Status open(const std::string& path);
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }
  // False when too much is waiting to be written; then nothing of it will be.
  bool write(std::string lines, IoPool& io);

 private:
  std::atomic<bool> enabled_{false};
  std::atomic<size_t> waiting_{0};  // bytes
  std::mutex mutex_;
  std::shared_ptr<Fd> file_;
};

// The lines of one reactor.
class AccessLines {
 public:
  AccessLines(AccessLog& log, IoPool& io, Counters& counters) : log_(log), io_(io), counters_(counters) {}

  bool wanted() const { return log_.enabled(); }
  void add(const AccessRecord& record, int64_t now_ms);
  // When the lines collected should go, milliseconds on the clock of `now_ms`; INT64_MAX: there are none.
  int64_t due() const { return lines_.empty() ? INT64_MAX : due_; }
  void flush();

 private:
  AccessLog& log_;
  IoPool& io_;
  Counters& counters_;
  std::string lines_;
  uint64_t count_ = 0;
  int64_t due_ = 0;
};

}  // namespace sealgate
