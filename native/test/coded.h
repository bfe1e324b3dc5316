// What tests of codings need: files, and digests by OpenSSL.
#pragma once

#include <openssl/evp.h>

#include <fstream>
#include <sstream>
#include <string>

#include "base/hex.h"

namespace sealgate {

inline std::string sha256(const std::string& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int count = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &count, EVP_sha256(), nullptr);
  return hex(digest, count);
}

inline std::string bytes_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

}  // namespace sealgate
