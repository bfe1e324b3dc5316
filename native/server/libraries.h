// The versions of the linked libraries, asked of their code at run time, and the memory for secrets.
#pragma once

#include <string>

namespace sealgate {

// Puts the secrets of OpenSSL and the engine (private keys, traffic secrets) into memory that is not
// swapped and not in core dumps, where the system allows it (CRYPTO_secure_malloc_init(3)). Call it before
// the first secret is made.
void guard_secrets();
std::string openssl_version();
// The file that the OpenSSL code in use was loaded from (dladdr(3)): this addon, unless the runtime's own
// OpenSSL was bound instead.
std::string openssl_file();
std::string llhttp_version();
std::string nghttp2_version();
std::string nghttp2_file();  // as openssl_file(): Node exports an nghttp2, too

}  // namespace sealgate
