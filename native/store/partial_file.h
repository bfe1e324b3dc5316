// PartialFile: the state of a staging file between the requests that append to it: its path, the number of
// bytes that count, and the digests of these. No file is open meanwhile. Bytes beyond the size come from a
// failed write; the next writer cuts them off.
#pragma once

#include <openssl/evp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/status.h"
#include "store/further_digests.h"

namespace sealgate {

class PartialFile {
 public:
  // `further`: digests to compute besides SHA-256. `left`: how many bytes count of a file that an earlier
  // process left, whose digests the first writer makes anew by reading it; without it the path must not
  // exist, and the first writer makes the file.
  explicit PartialFile(std::string path, DigestNames further = {}, std::optional<uint64_t> left = {})
      : path_(std::move(path)),
        further_(std::move(further)),
        left_(left.has_value()),
        size_(left.value_or(0)) {}
  ~PartialFile() { EVP_MD_CTX_free(hash_); }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  // --- any thread ---
  const std::string& path() const { return path_; }
  const DigestNames& further() const { return further_; }
  uint64_t size() const { return size_.load(std::memory_order_acquire); }
  bool busy() const { return busy_.load(std::memory_order_acquire); }  // somebody writes, or is about to
  // Takes the right to write, which ends with the last copy of the pointer. Null: somebody has it, or the
  // file is finished or lost.
  static std::shared_ptr<PartialFile> claim(const std::shared_ptr<PartialFile>& file);

  // Asks the holder of the claim to give it up soon, if it has said how.
  void interrupt();

  bool finished() const { return finished_; }  // for good: it is whole
  bool lost() const { return lost_; }          // for good: see lose()

  // --- for the holder of the claim ---
  bool exists() const { return left_ || hash_; }
  bool hashed() const { return hash_ != nullptr; }  // load() can be called
  // Stores the size of the file and the state of the digests of its bytes.
  Status save(const EVP_MD_CTX* hash, const FurtherDigests& running, uint64_t size);
  Status load(EVP_MD_CTX* hash, FurtherDigests* running) const;
  // What interrupt() calls on any thread, until the claim ends.
  void on_interrupt(std::function<void()> give_up);
  void finish() { finished_ = true; }  // nothing more will be appended
  // It could not be synced: the kernel may have dropped bytes of it, and says so only once (fsync(2)).
  void lose() { lost_ = true; }

 private:
  const std::string path_;
  const DigestNames further_;
  const bool left_;
  FurtherDigests running_;
  EVP_MD_CTX* hash_ = nullptr;
  std::atomic<uint64_t> size_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> finished_{false};
  std::atomic<bool> lost_{false};
  std::mutex interrupting_;
  std::function<void()> give_up_;  // under interrupting_
};

}  // namespace sealgate
