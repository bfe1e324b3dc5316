#include "server/libraries.h"

#include <dlfcn.h>
#include <llhttp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <cstdio>

#include "tls/private_key.h"

// What the linked nghttp2 calls stderr (Makefile). Only a function for its own debugging writes there.
extern "C" FILE* sealgate_nghttp2_stderr;
FILE* sealgate_nghttp2_stderr = stderr;

namespace sealgate {
namespace {

template <typename Function>
std::string file_of(Function* function) {
  Dl_info info;
  return ::dladdr(reinterpret_cast<void*>(function), &info) != 0 && info.dli_fname ? info.dli_fname : "";
}

}  // namespace

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

std::string openssl_file() { return file_of(SSL_CTX_new); }

std::string nghttp2_version() { return ::nghttp2_version(0)->version_str; }
std::string nghttp2_file() { return file_of(nghttp2_session_mem_recv); }

std::string llhttp_version() {
  return std::to_string(LLHTTP_VERSION_MAJOR) + "." + std::to_string(LLHTTP_VERSION_MINOR) + "." +
         std::to_string(LLHTTP_VERSION_PATCH);
}

}  // namespace sealgate
