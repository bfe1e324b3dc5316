#include "record_crypto.h"

#include <openssl/evp.h>

#include <cstring>
#include <memory>

namespace sealgate {
namespace {

constexpr size_t kHeader = 5, kTag = 16;

struct CipherFree {
  void operator()(EVP_CIPHER_CTX* cipher) const { EVP_CIPHER_CTX_free(cipher); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

const EVP_CIPHER* cipher_of(Aead aead) {
  switch (aead) {
    case Aead::aes128_gcm: return EVP_aes_128_gcm();
    case Aead::aes256_gcm: return EVP_aes_256_gcm();
    case Aead::chacha20_poly1305: return EVP_chacha20_poly1305();
    case Aead::aes128_ccm: return EVP_aes_128_ccm();
  }
  return nullptr;
}

// TLS 1.2 with AES puts 8 bytes of the nonce in front of the ciphertext.
size_t explicit_nonce(const RecordKeys& keys) {
  return keys.version == TlsVersion::tls12 && keys.aead != Aead::chacha20_poly1305 ? 8 : 0;
}

std::array<uint8_t, 8> big_endian(uint64_t value) {
  std::array<uint8_t, 8> out;
  for (int i = 7; i >= 0; i--, value >>= 8) out[static_cast<size_t>(i)] = static_cast<uint8_t>(value);
  return out;
}

std::array<uint8_t, 12> nonce_of(const RecordKeys& keys, uint64_t sequence, const char* sent) {
  std::array<uint8_t, 12> nonce = keys.iv;
  if (explicit_nonce(keys)) {
    std::memcpy(nonce.data() + 4, sent, 8);
    return nonce;
  }
  const auto number = big_endian(sequence);
  for (size_t i = 0; i < 8; i++) nonce[4 + i] ^= number[i];
  return nonce;
}

std::string header_of(uint8_t type, size_t length) {
  return {static_cast<char>(type), 3, 3, static_cast<char>(length >> 8), static_cast<char>(length)};
}

// TLS 1.3: the header. TLS 1.2: sequence, type, version, length of the plaintext.
std::string additional_data(const RecordKeys& keys, uint64_t sequence, std::string_view header,
                            size_t plain) {
  if (keys.version == TlsVersion::tls13) return std::string(header);
  const auto number = big_endian(sequence);
  std::string out(number.begin(), number.end());
  return out + header_of(static_cast<uint8_t>(header[0]), plain);
}

// Ready for the data of a record of `plain` bytes. tag: what an opened record must have; null to seal one.
Cipher start(const RecordKeys& keys, const std::array<uint8_t, 12>& nonce, std::string_view aad, size_t plain,
             const char* tag) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  if (!cipher) return nullptr;
  EVP_CIPHER_CTX* c = cipher.get();
  const bool ccm = keys.aead == Aead::aes128_ccm;  // needs to know all lengths before the first byte
  int ignored;
  const auto* aad_bytes = reinterpret_cast<const uint8_t*>(aad.data());
  const bool ok =
      EVP_CipherInit_ex(c, cipher_of(keys.aead), nullptr, nullptr, nullptr, tag == nullptr) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(nonce.size()), nullptr) == 1 &&
      ((!tag && !ccm) || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTag, const_cast<char*>(tag)) == 1) &&
      EVP_CipherInit_ex(c, nullptr, nullptr, keys.key.data(), nonce.data(), tag == nullptr) == 1 &&
      (!ccm || EVP_CipherUpdate(c, nullptr, &ignored, nullptr, static_cast<int>(plain)) == 1) &&
      EVP_CipherUpdate(c, nullptr, &ignored, aad_bytes, static_cast<int>(aad.size())) == 1;
  return ok ? std::move(cipher) : nullptr;
}

}  // namespace

std::string seal_record(const RecordKeys& keys, uint64_t sequence, uint8_t type, std::string_view data) {
  const bool inner_type = keys.version == TlsVersion::tls13;
  std::string plain(data);
  if (inner_type) plain.push_back(static_cast<char>(type));
  const size_t nonce_size = explicit_nonce(keys);
  const auto number = big_endian(sequence);
  std::string record = header_of(inner_type ? kRecordData : type, nonce_size + plain.size() + kTag);
  const std::string aad = additional_data(keys, sequence, record, plain.size());
  record.append(reinterpret_cast<const char*>(number.data()), nonce_size);
  const Cipher cipher =
      start(keys, nonce_of(keys, sequence, record.data() + kHeader), aad, plain.size(), nullptr);
  const size_t at = record.size();
  record.resize(at + plain.size() + kTag);
  auto* out = reinterpret_cast<uint8_t*>(record.data() + at);
  int size = 0, last = 0;
  const bool ok = cipher &&
                  EVP_EncryptUpdate(cipher.get(), out, &size, reinterpret_cast<const uint8_t*>(plain.data()),
                                    static_cast<int>(plain.size())) == 1 &&
                  EVP_EncryptFinal_ex(cipher.get(), out + size, &last) == 1 &&
                  EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTag, out + plain.size()) == 1;
  return ok ? record : std::string();
}

bool open_record(const RecordKeys& keys, uint64_t sequence, std::string_view record, uint8_t* type,
                 std::string* data) {
  const size_t nonce_size = explicit_nonce(keys);
  if (record.size() < kHeader + nonce_size + kTag) return false;
  const size_t plain = record.size() - kHeader - nonce_size - kTag;
  const std::string aad = additional_data(keys, sequence, record.substr(0, kHeader), plain);
  const char* tag = record.data() + record.size() - kTag;
  const Cipher cipher = start(keys, nonce_of(keys, sequence, record.data() + kHeader), aad, plain, tag);
  data->resize(plain);
  int size = 0, last = 0;
  auto* out = reinterpret_cast<uint8_t*>(data->data());
  const auto* in = reinterpret_cast<const uint8_t*>(record.data() + kHeader + nonce_size);
  const bool ok = cipher && EVP_DecryptUpdate(cipher.get(), out, &size, in, static_cast<int>(plain)) == 1 &&
                  EVP_DecryptFinal_ex(cipher.get(), out + size, &last) == 1;
  if (!ok) return false;
  *type = static_cast<uint8_t>(record[0]);
  if (keys.version == TlsVersion::tls12) return true;
  while (!data->empty() && data->back() == 0) data->pop_back();  // padding (RFC 8446 5.4)
  if (data->empty()) return false;
  *type = static_cast<uint8_t>(data->back());
  data->pop_back();
  return true;
}

}  // namespace sealgate
