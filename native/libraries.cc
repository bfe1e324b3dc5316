#include "libraries.h"

#include <dlfcn.h>
#include <llhttp.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

namespace sealgate {

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
