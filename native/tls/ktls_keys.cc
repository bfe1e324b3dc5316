// Derives the key and IV of one direction from the secrets of a handshake.
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "tls/ktls.h"

namespace sealgate {
namespace {

struct KdfFree {
  void operator()(EVP_KDF_CTX* kdf) const { EVP_KDF_CTX_free(kdf); }
};

size_t key_size(Aead aead) { return aead == Aead::aes128_gcm || aead == Aead::aes128_ccm ? 16 : 32; }

template <typename Bytes>
OSSL_PARAM octets(const char* name, const Bytes& bytes, size_t size) {
  return OSSL_PARAM_construct_octet_string(
      name, const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(bytes)), size);
}

OSSL_PARAM text(const char* name, const char* value) {
  return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}

bool run_kdf(const char* name, const OSSL_PARAM* parameters, uint8_t* out, size_t size) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, name, nullptr);
  if (!kdf) return false;
  const std::unique_ptr<EVP_KDF_CTX, KdfFree> context(EVP_KDF_CTX_new(kdf));
  EVP_KDF_free(kdf);
  return context && EVP_KDF_derive(context.get(), out, size, parameters) == 1;
}

// HKDF-Expand-Label with an empty context (RFC 8446 7.1).
bool expand_label(const TrafficSecret& secret, const char* label, uint8_t* out, size_t size) {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  constexpr char kPrefix[] = "tls13 ";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
      text(OSSL_KDF_PARAM_DIGEST, secret.size == 48 ? "SHA384" : "SHA256"),
      octets(OSSL_KDF_PARAM_KEY, secret.bytes.data(), secret.size),
      octets(OSSL_KDF_PARAM_PREFIX, kPrefix, sizeof kPrefix - 1),
      octets(OSSL_KDF_PARAM_LABEL, label, std::strlen(label)),
      OSSL_PARAM_construct_end(),
  };
  return run_kdf("TLS13-KDF", parameters, out, size);
}

// The key block of RFC 5246 6.3, for AEAD suites (no MAC keys).
bool key_block(SSL* ssl, uint8_t* out, size_t size) {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl);
  const EVP_MD* digest = SSL_CIPHER_get_handshake_digest(cipher);
  if (!digest) return false;
  std::array<uint8_t, SSL_MAX_MASTER_KEY_LENGTH> master;
  uint8_t client[SSL3_RANDOM_SIZE], server[SSL3_RANDOM_SIZE];
  const size_t master_size = SSL_SESSION_get_master_key(SSL_get_session(ssl), master.data(), master.size());
  SSL_get_client_random(ssl, client, sizeof client);
  SSL_get_server_random(ssl, server, sizeof server);
  constexpr char kLabel[] = "key expansion";
  const OSSL_PARAM parameters[] = {
      text(OSSL_KDF_PARAM_DIGEST, EVP_MD_get0_name(digest)),
      octets(OSSL_KDF_PARAM_SECRET, master.data(), master_size),
      octets(OSSL_KDF_PARAM_SEED, kLabel, sizeof kLabel - 1),
      octets(OSSL_KDF_PARAM_SEED, server, sizeof server),
      octets(OSSL_KDF_PARAM_SEED, client, sizeof client),
      OSSL_PARAM_construct_end(),
  };
  const bool ok = run_kdf("TLS1-PRF", parameters, out, size);
  OPENSSL_cleanse(master.data(), master.size());
  return ok;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

void* TrafficSecret::operator new(size_t size) {
  // Without a secure heap, OpenSSL would take it from malloc(3), which operator delete knows nothing of.
  void* const guarded = CRYPTO_secure_malloc_initialized() ? OPENSSL_secure_malloc(size) : nullptr;
  return guarded ? guarded : ::operator new(size);
}

void TrafficSecret::operator delete(void* secret, size_t size) {
  if (CRYPTO_secure_allocated(secret)) return OPENSSL_secure_clear_free(secret, size);
  ::operator delete(secret);
}

TrafficSecret::~TrafficSecret() { wipe(); }

void TrafficSecret::wipe() {
  OPENSSL_cleanse(bytes.data(), bytes.size());
  size = 0;
}

RecordKeys::~RecordKeys() {
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(iv.data(), iv.size());
}

std::string_view aead_name(Aead aead) {
  switch (aead) {
    case Aead::aes128_gcm: return "AES-128-GCM";
    case Aead::aes256_gcm: return "AES-256-GCM";
    case Aead::chacha20_poly1305: return "ChaCha20-Poly1305";
    case Aead::aes128_ccm: return "AES-128-CCM";
  }
  return "";
}

std::string_view version_name(TlsVersion version) {
  return version == TlsVersion::tls13 ? "TLSv1.3" : "TLSv1.2";
}

std::optional<Aead> aead_of(const SSL_CIPHER* cipher) {
  switch (SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_128_gcm: return Aead::aes128_gcm;
    case NID_aes_256_gcm: return Aead::aes256_gcm;
    case NID_chacha20_poly1305: return Aead::chacha20_poly1305;
    case NID_aes_128_ccm: break;
    default: return std::nullopt;
  }
  // CCM_8, whose tag is too short for the kernel, has the same NID.
  const std::string_view name = SSL_CIPHER_get_name(cipher);
  if (name.find("CCM8") != name.npos || name.find("CCM_8") != name.npos) return std::nullopt;
  return Aead::aes128_ccm;
}

std::optional<Aead> negotiated_aead(const SSL* ssl) { return aead_of(SSL_get_current_cipher(ssl)); }

std::optional<TlsVersion> negotiated_version(const SSL* ssl) {
  switch (SSL_version(ssl)) {
    case TLS1_2_VERSION: return TlsVersion::tls12;
    case TLS1_3_VERSION: return TlsVersion::tls13;
    default: return std::nullopt;
  }
}

bool derive_keys13(const TrafficSecret& secret, Aead aead, RecordKeys& out) {
  out.version = TlsVersion::tls13;
  out.aead = aead;
  return expand_label(secret, "key", out.key.data(), key_size(aead)) &&
         expand_label(secret, "iv", out.iv.data(), out.iv.size());
}

bool next_secret13(TrafficSecret& secret, Aead) {
  TrafficSecret next;
  next.size = secret.size;
  if (!expand_label(secret, "traffic upd", next.bytes.data(), next.size)) return false;
  secret.bytes = next.bytes;
  return true;
}

bool derive_keys12(SSL* ssl, Direction direction, Aead aead, RecordKeys& out) {
  out.version = TlsVersion::tls12;
  out.aead = aead;
  const size_t key = key_size(aead);
  const size_t iv = aead == Aead::chacha20_poly1305 ? 12 : 4;  // RFC 7905 2; RFC 5288 3: the salt
  std::array<uint8_t, 2 * (32 + 12)> block;
  if (!key_block(ssl, block.data(), 2 * (key + iv))) return false;
  // client key, server key, client IV, server IV; a server sends with its own and receives with the client's.
  const size_t side = direction == Direction::tx ? 1 : 0;
  std::copy_n(block.begin() + static_cast<ptrdiff_t>(side * key), key, out.key.begin());
  std::copy_n(block.begin() + static_cast<ptrdiff_t>(2 * key + side * iv), iv, out.iv.begin());
  OPENSSL_cleanse(block.data(), block.size());
  return true;
}

bool parse_keylog(std::string_view line, std::string_view label, TrafficSecret& out) {
  if (line.substr(0, label.size()) != label || line.substr(label.size(), 1) != " ") return false;
  const std::string_view secret = line.substr(line.rfind(' ') + 1);
  if (secret.size() != 64 && secret.size() != 96) return false;
  for (size_t i = 0; i < secret.size() / 2; i++) {
    const int high = hex_value(secret[2 * i]), low = hex_value(secret[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out.bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  out.size = static_cast<uint8_t>(secret.size() / 2);
  return true;
}

}  // namespace sealgate
