// PrivateKey: the key of a certificate, read from its file without a copy of it outside of OpenSSL's secure
// heap, which is not in core dumps.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sealgate {

using PrivateKey = std::shared_ptr<EVP_PKEY>;

// From here on OpenSSL's memory is wiped when it is given back while a key is read. Has an effect only before
// OpenSSL has allocated anything.
void wipe_what_reading_keys_leaves();

// Reads a PEM file. Null when it holds no private key, or one with a passphrase, which nobody could be asked
// for. EISDIR, EINVAL: it is no ordinary file; EFBIG: it is larger than a key can be.
Status read_private_key(const std::string& path, PrivateKey* out);
PrivateKey parse_private_key(std::string_view pem);
// Whether it is the key of the first certificate of a PEM text.
bool is_key_of(const PrivateKey& key, const std::string& certificate);

}  // namespace sealgate
