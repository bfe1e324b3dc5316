// Ingest: one request body on its way to a staging file. The reactor fills the buffer, then an I/O thread
// hashes and writes what is in it, so memory is constant at any size and no disk stalls the reactor. What
// arrives meanwhile waits in the socket. A second buffer of half the size each would let the two work at
// once, but the bytes would change hands twice as often, which costs more than the copy out of the socket
// that it hides. A body that is appended to a partial file is kept as far as it came, also when it is
// aborted.
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

using UploadTarget = std::variant<StagingTarget, AppendTarget>;

class Ingest : public std::enable_shared_from_this<Ingest> {
 public:
  static constexpr size_t kBufferBytes = 512 * 1024;

  // `length`: of the body, where it is known. `wake` is called on an I/O thread when there is room again,
  // when the body is stored, or when storing failed.
  static std::shared_ptr<Ingest> start(IoPool& pool, UploadTarget to, std::optional<uint64_t> length,
                                       std::function<void()> wake);
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // The reactor's side.
  std::span<char> room();  // where the next bytes are to stand; nothing while they have to wait
  bool waits() const { return under_way_ || !failure_.ok(); }  // for the I/O thread; for ever if it failed
  // How many of them were taken; fewer when they have to wait. Those that stand in room() are not copied.
  size_t append(std::string_view bytes);
  void finish();  // everything was appended
  // Lets go of the body on an I/O thread, which takes a while: its staging file goes, or what has arrived for
  // a partial file is written. `done` is called there when nobody writes any more.
  static void abort(std::shared_ptr<Ingest> ingest, std::function<void()> done = {});
  // The stored body is the application's: of a partial file it decides what comes next.
  void let_go();
  uint64_t received() const { return received_; }
  // Hears what the I/O thread did since the last call; true when a job was under way and is no more.
  bool settle();

  bool stored() const { return stored_; }
  const Status& failure() const { return failure_; }
  const StagingFile& staging() const { return file_; }

 private:
  Ingest(IoPool& pool, UploadTarget to, std::optional<uint64_t> length, std::function<void()> wake);
  void hand_over();  // gives the buffer to the pool, which has it until settle()
  // On an I/O thread.
  void job(bool last);
  Status store(bool last);
  Status append_to_partial(bool last);
  void keep_rest();

  IoPool& pool_;
  std::string path_;  // of a new file; else
  AppendTarget to_;
  std::function<void()> wake_;
  const std::optional<uint64_t> length_;
  const size_t capacity_;
  std::unique_ptr<char[]> buffer_;
  size_t size_ = 0;  // of what is in the buffer
  uint64_t received_ = 0;
  // Of the job's side: the file was opened; nothing more is written to it; it is finished.
  bool opened_ = false, ended_ = false, finished_ = false;
  bool under_way_ = false;
  bool finishing_ = false;
  bool last_submitted_ = false;
  bool stored_ = false;
  Status failure_;
  // Written by the job, read by settle() after the wake: the mailbox between them orders the two.
  Status job_status_;
  std::atomic<bool> job_done_{false};
  std::atomic<bool> aborted_{false};
  std::function<void()> done_;
  StagingFile file_;
};

}  // namespace sealgate
