// StagingWriter: writes the body of one request to a staging file. The reactor fills a buffer; then an I/O
// thread hashes and writes it, so that memory is constant at any size and no disk stalls the reactor. What
// arrives meanwhile waits in the socket. Two buffers of half the size would let both threads work at once,
// but the bytes would change hands twice as often, which costs more than the copy out of the socket that it
// hides. A body that is appended to a partial file is kept as far as it came, even when it is aborted.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "server/plan.h"
#include "store/io_pool.h"
#include "store/staging_file.h"

namespace sealgate {

using FileTarget = std::variant<StagingTarget, AppendTarget>;

class StagingWriter : public std::enable_shared_from_this<StagingWriter> {
 public:
  static constexpr size_t kBufferBytes = 512 * 1024;

  // `length`: of the body, if it is known. `wake` is called on an I/O thread when there is room again, when
  // the body is stored, or when that failed. `most`: bytes of the buffer.
  static std::shared_ptr<StagingWriter> start(IoPool& pool, FileTarget to, std::optional<uint64_t> length,
                                              std::function<void()> wake, size_t most = kBufferBytes);
  ~StagingWriter();
  StagingWriter(const StagingWriter&) = delete;
  StagingWriter& operator=(const StagingWriter&) = delete;

  // --- called by the reactor ---
  std::span<char> room();  // memory to receive the next bytes into; empty while the I/O thread has the buffer
  // Whether no bytes are taken now, because the I/O thread has the buffer, or any more, because it failed.
  bool waits() const { return under_way_ || !failure_.ok(); }
  // Takes bytes and returns how many it took: fewer than given when the rest must wait. Bytes that were
  // received into room() are not copied.
  size_t append(std::string_view bytes);
  void finish();  // call it after the last append()
  // Writes what was taken so far, where somebody may read the file before it is whole.
  void pass_on();
  // Gives the body up, on an I/O thread: removes its staging file, or writes what has arrived to the partial
  // file. `done` is called there when nobody writes to the file any more.
  static void abort(std::shared_ptr<StagingWriter> writer, std::function<void()> done = {});
  // Ends the claim on a partial or growing file, after the body was stored.
  void let_go();
  // Applies what the I/O thread has done since the last call. True when a job has ended.
  bool settle();

  bool stored() const { return stored_; }
  const Status& failure() const { return failure_; }
  const StagingFile& staging() const { return file_; }

 private:
  StagingWriter(IoPool& pool, FileTarget to, std::optional<uint64_t> length, std::function<void()> wake,
                size_t most);
  void hand_over();  // passes the buffer to the pool, until settle()
  // --- called on an I/O thread ---
  void job(bool last);
  Status store(bool last);
  Status open_new();
  Status append_to_partial(bool last);
  Status end_file();  // nothing more is written to it
  void keep_rest();

  IoPool& pool_;
  StagingTarget new_;  // without a path when to_ has a partial file
  AppendTarget to_;
  std::function<void()> wake_;
  const std::optional<uint64_t> length_;
  const size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;  // bytes in the buffer
  uint64_t received_ = 0;
  // Used by jobs: the file was opened; nothing more is written to it; it is finished.
  bool opened_ = false, ended_ = false, finished_ = false;
  bool under_way_ = false;
  bool finishing_ = false;
  bool last_submitted_ = false;
  bool stored_ = false;
  Status failure_;
  // Written by a job and read by settle() after the wake, which orders the two.
  Status job_status_;
  std::atomic<bool> job_done_{false};
  std::atomic<bool> aborted_{false};
  std::function<void()> done_;
  StagingFile file_;
};

}  // namespace sealgate
