#include "tls/private_key.h"

#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tls/secret_file.h"
#include "tls/tls_certificate.h"

namespace sealgate {
namespace {

constexpr size_t kMostBytes = 256 * 1024;  // of a key's file, in which certificates may stand too

// --- OpenSSL's allocator: malloc(3), and memory that is wiped while a thread reads a key ---

thread_local bool wiping = false;

class Wiping {
 public:
  Wiping() { wiping = true; }
  ~Wiping() { wiping = false; }
  Wiping(const Wiping&) = delete;
  Wiping& operator=(const Wiping&) = delete;
};

void* allocate(size_t size, const char*, int) { return size > 0 ? std::malloc(size) : nullptr; }

void give_back(void* memory, const char*, int) {
  if (wiping && memory) OPENSSL_cleanse(memory, ::malloc_usable_size(memory));
  std::free(memory);
}

void* reallocate(void* memory, size_t size, const char* file, int line) {
  if (size == 0) return give_back(memory, file, line), nullptr;
  if (!wiping || !memory) return std::realloc(memory, size);
  void* const larger = std::malloc(size);
  if (!larger) return nullptr;
  std::memcpy(larger, memory, std::min(size, ::malloc_usable_size(memory)));
  give_back(memory, file, line);
  return larger;
}

}  // namespace

void wipe_what_reading_keys_leaves() { CRYPTO_set_mem_functions(allocate, reallocate, give_back); }

PrivateKey parse_private_key(std::string_view pem) {
  const Wiping wiped;
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* const key = bio ? PEM_read_bio_PrivateKey(bio, nullptr, no_passphrase, nullptr) : nullptr;
  BIO_free(bio);
  ERR_clear_error();
  return {key, EVP_PKEY_free};
}

Status read_private_key(const std::string& path, PrivateKey* out) {
  SecureBytes held;
  std::string_view pem;
  if (const Status status = read_secret_file(path, kMostBytes, &held, &pem); !status.ok()) return status;
  *out = parse_private_key(pem);
  return {};
}

bool is_key_of(const PrivateKey& key, const std::string& certificate) {
  const X509Ptr leaf = read_leaf(certificate);
  const bool same = leaf && X509_check_private_key(leaf.get(), key.get()) == 1;
  ERR_clear_error();
  return same;
}

}  // namespace sealgate
