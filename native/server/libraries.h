// Which libraries are really inside: asked of the code itself, not of the build.
#pragma once

#include <string>

namespace sealgate {

// Puts what OpenSSL and the engine keep secret (private keys, traffic secrets) into memory that is not
// swapped and not in core dumps, where the system allows it (CRYPTO_secure_malloc_init(3)). Before the first
// secret.
void guard_secrets();
std::string openssl_version();
// The file that holds the OpenSSL code that calls reach (dladdr(3)): this addon, unless the runtime's own
// copy came in between.
std::string openssl_file();
std::string llhttp_version();

}  // namespace sealgate
