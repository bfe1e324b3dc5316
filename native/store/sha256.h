// Sha256: whether bytes that come in pieces have a digest.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "base/hex.h"
#include "base/status.h"

namespace sealgate {

class Sha256 {
 public:
  Sha256() : hash_(EVP_MD_CTX_new()) {
    if (hash_ && EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) != 1) hash_.reset();
  }
  Status add(const char* bytes, size_t count) {
    return hash_ && EVP_DigestUpdate(hash_.get(), bytes, count) == 1 ? Status{} : Status{ENOMEM, "SHA-256"};
  }
  // Once, after the last piece. `digest`: 64 hex digits.
  bool is(const std::string& digest) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned int count = 0;
    return EVP_DigestFinal_ex(hash_.get(), bytes, &count) == 1 && hex(bytes, count) == digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> hash_;
};

}  // namespace sealgate
