// Which libraries are really inside: asked of the code itself, not of the build.
#pragma once

#include <string>

namespace sealgate {

std::string openssl_version();
// The file that holds the OpenSSL code that calls reach (dladdr(3)): this addon, unless the runtime's own
// copy came in between.
std::string openssl_file();
std::string llhttp_version();

}  // namespace sealgate
