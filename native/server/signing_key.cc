#include "server/signing_key.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace sealgate {
namespace {

// HMAC-SHA256 without a key. A copy of it spares the look-up of both algorithms by their names.
const EVP_MAC_CTX* keyless() {
  static EVP_MAC_CTX* const made = [] {
    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    EVP_MAC_CTX* const context = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    if (!context || EVP_MAC_CTX_set_params(context, params) != 1) std::abort();
    return context;
  }();
  return made;
}

std::string_view line_of(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  return printable && text.size() >= SigningKey::kLeast && text.size() <= SigningKey::kMost
             ? text
             : std::string_view();
}

}  // namespace

Status SigningKey::read(const std::string& path, std::shared_ptr<const SigningKey>* out) {
  SecureBytes bytes;
  std::string_view text;
  // A line end has up to two bytes.
  if (const Status status = read_secret_file(path, kMost + 2, &bytes, &text); !status.ok()) return status;
  const std::string_view line = line_of(text);
  out->reset(line.empty() ? nullptr : new SigningKey(std::move(bytes), line));
  return {};
}

std::shared_ptr<const SigningKey> SigningKey::of(std::string_view line) {
  if (line_of(line).empty()) return nullptr;
  SecureBytes bytes(line.size());
  if (!bytes.data()) return nullptr;
  std::memcpy(bytes.data(), line.data(), line.size());
  const std::string_view key = line_of({bytes.data(), line.size()});
  return std::shared_ptr<const SigningKey>(new SigningKey(std::move(bytes), key));
}

// OpenSSL fails here only without memory, in which case nothing else would work either. Its copies of the key
// are in the secure heap, or are wiped when the context is freed.
SignatureText SigningKey::sign(std::string_view text) const {
  EVP_MAC_CTX* const context = EVP_MAC_CTX_dup(keyless());
  unsigned char digest[32]{};
  size_t size = 0;
  const auto bytes = [](std::string_view of) { return reinterpret_cast<const unsigned char*>(of.data()); };
  if (!context || EVP_MAC_init(context, bytes(key_), key_.size(), nullptr) != 1 ||
      EVP_MAC_update(context, bytes(text), text.size()) != 1 ||
      EVP_MAC_final(context, digest, &size, sizeof digest) != 1 || size != sizeof digest)
    std::abort();
  EVP_MAC_CTX_free(context);
  constexpr char kDigits[] = "0123456789abcdef";
  SignatureText out;
  for (size_t i = 0; i < sizeof digest; i++) {
    out[2 * i] = kDigits[digest[i] >> 4];
    out[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return out;
}

}  // namespace sealgate
