#include "server/libraries.h"

#include <dlfcn.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "tls/private_key.h"

namespace sealgate {

void guard_secrets() {
  // Room for two secrets a connection; memory is used only where it is touched.
  constexpr size_t kArena = 32 << 20, kLeast = 64;
  static const int done = [] {
    wipe_what_reading_keys_leaves();
    return CRYPTO_secure_malloc_init(kArena, kLeast);
  }();
  (void)done;
}

std::string openssl_version() { return OpenSSL_version(OPENSSL_VERSION); }

std::string openssl_file() {
  Dl_info info;
  return ::dladdr(reinterpret_cast<void*>(&SSL_CTX_new), &info) != 0 && info.dli_fname ? info.dli_fname : "";
}

std::string llhttp_version() {
  return std::to_string(LLHTTP_VERSION_MAJOR) + "." + std::to_string(LLHTTP_VERSION_MINOR) + "." +
         std::to_string(LLHTTP_VERSION_PATCH);
}

}  // namespace sealgate
