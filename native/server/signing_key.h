// SigningKey: a secret that signs URLs with HMAC-SHA256 (RFC 2104). It lives in OpenSSL's secure heap.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "tls/secret_file.h"

namespace sealgate {

// Lower-case hex digits.
using SignatureText = std::array<char, 64>;

class SigningKey {
 public:
  static constexpr size_t kLeast = 32, kMost = 1024;

  // Reads a file that holds one line of kLeast to kMost printable characters of ASCII, without blanks; the
  // key is the line without its end. Null when it holds anything else. Fails as read_secret_file does.
  static Status read(const std::string& path, std::shared_ptr<const SigningKey>* out);
  // Null when the line cannot be a key.
  static std::shared_ptr<const SigningKey> of(std::string_view line);

  SignatureText sign(std::string_view text) const;

 private:
  SigningKey(SecureBytes bytes, std::string_view key) : bytes_(std::move(bytes)), key_(key) {}

  SecureBytes bytes_;
  std::string_view key_;  // of bytes_
};

}  // namespace sealgate
