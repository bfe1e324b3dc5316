// Ingest: one request body on its way to a staging file. The reactor fills one buffer while an I/O thread
// hashes and writes the other, so memory is constant at any size and no disk stalls the reactor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io_pool.h"
#include "staging_file.h"

namespace sealgate {

class Ingest : public std::enable_shared_from_this<Ingest> {
 public:
  static constexpr size_t kBufferBytes = 256 * 1024;

  // `wake` is called on an I/O thread when there is room again, when the body is stored, or when storing
  // failed.
  static std::shared_ptr<Ingest> start(IoPool& pool, std::string staging, std::function<void()> wake);
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // The reactor's side.
  size_t append(std::string_view bytes);  // how many of them were taken; fewer when both buffers are full
  void finish();                          // everything was appended
  void abort();                           // forget the body; the staging file goes
  uint64_t received() const { return received_; }
  // Hears what the I/O thread did since the last call; true when a job was under way and is no more.
  bool settle();

  bool stored() const { return stored_; }
  const Status& failure() const { return failure_; }
  const StagingFile& staging() const { return file_; }

 private:
  Ingest(IoPool& pool, std::string staging, std::function<void()> wake);
  struct Buffer {
    std::unique_ptr<char[]> bytes{new char[kBufferBytes]};
    size_t size = 0;
  };
  void hand_over();  // gives what is buffered to the pool, unless a job is under way
  void job(bool last);

  IoPool& pool_;
  std::string path_;
  std::function<void()> wake_;
  Buffer filling_, writing_;
  uint64_t received_ = 0;
  bool opened_ = false;  // of the job's side
  bool under_way_ = false;
  bool finishing_ = false;
  bool last_submitted_ = false;
  bool stored_ = false;
  Status failure_;
  // Written by the job, read by settle() after the wake: the mailbox between them orders the two.
  Status job_status_;
  std::atomic<bool> job_done_{false};
  std::atomic<bool> aborted_{false};
  StagingFile file_;
};

}  // namespace sealgate
