// SecretFile: what a file holds that nobody else may see, read without a copy of it outside of OpenSSL's
// secure heap, which is not swapped and not in core dumps.
#pragma once

#include <openssl/crypto.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace sealgate {

// Bytes in the secure heap where there is one. Null without memory.
class SecureBytes {
 public:
  SecureBytes() = default;
  explicit SecureBytes(size_t size) : size_(size), data_(static_cast<char*>(OPENSSL_secure_malloc(size))) {}
  ~SecureBytes() { OPENSSL_secure_clear_free(data_, size_); }
  SecureBytes(SecureBytes&& other) noexcept
      : size_(std::exchange(other.size_, 0)), data_(std::exchange(other.data_, nullptr)) {}
  SecureBytes& operator=(SecureBytes&& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(data_, other.data_);
    return *this;
  }
  SecureBytes(const SecureBytes&) = delete;
  SecureBytes& operator=(const SecureBytes&) = delete;

  char* data() const { return data_; }

 private:
  size_t size_ = 0;
  char* data_ = nullptr;
};

// Reads a whole file of at most `most` bytes; `*text` is a view of `*out`. EISDIR, EINVAL: it is no ordinary
// file; EFBIG: it is larger.
Status read_secret_file(const std::string& path, size_t most, SecureBytes* out, std::string_view* text);

}  // namespace sealgate
