#include "tls/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sealgate {

TicketKeys& TicketKeys::instance() {
  static TicketKeys* const keys = new TicketKeys();
  return *keys;
}

TicketKeys::TicketKeys() { rotate(); }

bool TicketKeys::rotate() {
  Key key;
  const auto fill = [](auto& bytes) { return RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1; };
  if (!fill(key.name) || !fill(key.mac) || !fill(key.cipher)) return false;
  key.usable = true;
  const std::lock_guard lock(mutex_);
  std::rotate(keys_.begin(), keys_.end() - 1, keys_.end());
  OPENSSL_cleanse(&keys_[0], sizeof keys_[0]);
  keys_[0] = key;
  OPENSSL_cleanse(&key, sizeof key);
  return true;
}

Status TicketKeys::save(Fd* out) {
  Fd memory(::memfd_create("sealgate ticket keys", MFD_CLOEXEC));
  if (!memory) return Status::last("memfd_create");
  const std::lock_guard lock(mutex_);
  if (::write(memory.get(), &keys_, sizeof keys_) != static_cast<ssize_t>(sizeof keys_))
    return Status::last("write");
  *out = std::move(memory);
  return {};
}

Status TicketKeys::load(const Fd& memory) {
  decltype(keys_) keys;
  const bool whole = ::pread(memory.get(), &keys, sizeof keys, 0) == static_cast<ssize_t>(sizeof keys);
  decltype(keys_) wiped;
  (void)!::pwrite(memory.get(), &wiped, sizeof wiped, 0);
  if (!whole) return {EINVAL, "ticket keys of another size"};
  {
    const std::lock_guard lock(mutex_);
    keys_ = keys;
  }
  OPENSSL_cleanse(&keys, sizeof keys);
  return {};
}

bool TicketKeys::find(const uint8_t* name, Key* out, bool* newest) {
  const std::lock_guard lock(mutex_);
  for (const Key& key : keys_) {
    if (!key.usable || (name && std::memcmp(key.name.data(), name, key.name.size()) != 0)) continue;
    *out = key;
    *newest = &key == &keys_[0];
    return true;
  }
  return false;
}

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3). Returns 0: no ticket, or a full handshake; 1: resume; 2: resume,
// and issue a new ticket.
int TicketKeys::callback(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int protect) {
  Key key;
  bool newest = false;
  if (!instance().find(protect ? nullptr : name, &key, &newest)) return 0;
  if (protect) {
    std::copy(key.name.begin(), key.name.end(), name);
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  }
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  const bool ok =
      EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key.cipher.data(), iv, protect) == 1 &&
      EVP_MAC_CTX_set_params(mac, parameters) == 1;
  OPENSSL_cleanse(&key, sizeof key);
  if (!ok) return -1;
  // TLS 1.3: a ticket used twice would let observers link two connections to one client (RFC 8446 C.4). With
  // TLS 1.2 a ticket is kept while its key is the newest.
  return protect || (newest && SSL_version(ssl) < TLS1_3_VERSION) ? 1 : 2;
}

void TicketKeys::install(SSL_CTX* context) { SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callback); }

}  // namespace sealgate
