// TicketKeys: what protects session tickets (RFC 5077, RFC 8446 4.6.1), shared by all reactors of the
// process, so that any of them resumes a session, and never outside of it. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <mutex>

namespace sealgate {

class TicketKeys {
 public:
  static TicketKeys& instance();

  // A new key for new tickets. Those of the two keys before it still resume, and are replaced when they do.
  // False when there is no randomness; then nothing has changed.
  bool rotate();
  // Makes `context` use them.
  static void install(SSL_CTX* context);

 private:
  struct Key {
    std::array<uint8_t, 16> name{};
    std::array<uint8_t, 32> mac{}, cipher{};
    bool usable = false;
  };
  static constexpr size_t kKept = 3;

  TicketKeys();
  // The key to protect with (name == null), or to open with. *newest: it is the one to protect with.
  bool find(const uint8_t* name, Key* out, bool* newest);
  static int callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int protect);

  std::mutex mutex_;
  std::array<Key, kKept> keys_;  // newest first
};

}  // namespace sealgate
