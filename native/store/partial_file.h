// PartialFile: what is kept of a staging file between the requests that append to it: where it is, how much
// of it counts, and SHA-256 so far. It has no open file. Bytes behind its size, of a write that failed, do
// not count, and the next writer cuts them off.
#pragma once

#include <openssl/evp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"

namespace sealgate {

class PartialFile {
 public:
  // The file is made by the first writer; the path must not exist.
  explicit PartialFile(std::string path) : path_(std::move(path)) {}
  ~PartialFile() { EVP_MD_CTX_free(hash_); }
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  // --- any thread ---
  const std::string& path() const { return path_; }
  uint64_t size() const { return size_.load(std::memory_order_acquire); }
  bool busy() const { return busy_.load(std::memory_order_acquire); }  // somebody writes, or is about to
  // The right to write, until the last copy of it ends; null when somebody has it, or the file is finished.
  static std::shared_ptr<PartialFile> claim(const std::shared_ptr<PartialFile>& file);

  // --- who has the claim ---
  bool begun() const { return hash_ != nullptr; }
  // The state of a hash that a file of `size` bytes has.
  Status save(const EVP_MD_CTX* hash, uint64_t size);
  Status load(EVP_MD_CTX* hash) const;
  void finish() { finished_ = true; }  // nothing more will be appended

 private:
  const std::string path_;
  EVP_MD_CTX* hash_ = nullptr;
  std::atomic<uint64_t> size_{0};
  std::atomic<bool> busy_{false};
  std::atomic<bool> finished_{false};
};

}  // namespace sealgate
