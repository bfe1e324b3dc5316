// TicketKeys: the keys that protect session tickets (RFC 5077, RFC 8446 4.6.1). All reactors of the process
// share them, so that each can resume any session. They leave the process only for one that takes over from
// it. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <mutex>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class TicketKeys {
 public:
  static TicketKeys& instance();

  // Creates a key for new tickets. Tickets of the two previous keys can still resume, and are then replaced.
  // False when there is no randomness; then nothing changes.
  bool rotate();
  // Writes the keys into memory that another process can be given.
  Status save(Fd* out);
  // Goes on with the keys of another process, and wipes the memory that they came in.
  Status load(const Fd& memory);
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
  // Finds the key to protect with (name == null) or to open with. *newest: whether it is the current key.
  bool find(const uint8_t* name, Key* out, bool* newest);
  static int callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                      EVP_MAC_CTX* mac, int protect);

  std::mutex mutex_;
  std::array<Key, kKept> keys_;  // newest first
};

}  // namespace sealgate
