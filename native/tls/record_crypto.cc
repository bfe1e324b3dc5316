#include "tls/record_crypto.h"

#include <cstring>

namespace sealgate {
namespace {

constexpr size_t kTag = kRecordTagBytes, kAad12 = 13;

// Fetched once, because EVP_aes_128_gcm() and the like look the cipher up for every key.
const EVP_CIPHER* cipher_of(Aead aead) {
  static EVP_CIPHER* const ciphers[kAeads] = {
      EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr),
      EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
      EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr),
      EVP_CIPHER_fetch(nullptr, "AES-128-CCM", nullptr),
  };
  return ciphers[static_cast<size_t>(aead)];
}

void write_big_endian(uint64_t value, uint8_t* out) {
  for (int i = 7; i >= 0; i--, value >>= 8) out[i] = static_cast<uint8_t>(value);
}

void write_header(uint8_t type, size_t length, char* out) {
  const char header[kRecordHeaderBytes] = {static_cast<char>(type), 3, 3, static_cast<char>(length >> 8),
                                           static_cast<char>(length)};
  std::memcpy(out, header, sizeof header);
}

const uint8_t* unsigned_bytes(const char* data) { return reinterpret_cast<const uint8_t*>(data); }
uint8_t* unsigned_bytes(char* data) { return reinterpret_cast<uint8_t*>(data); }

}  // namespace

RecordCipher::RecordCipher(const RecordKeys& keys, uint64_t sequence, bool protects)
    : cipher_(EVP_CIPHER_CTX_new()),
      sequence_(sequence),
      iv_(keys.iv),
      version_(keys.version),
      ccm_(keys.aead == Aead::aes128_ccm),
      // TLS 1.2 with AES puts 8 bytes of the nonce in front of the ciphertext.
      explicit_nonce_(keys.version == TlsVersion::tls12 && keys.aead != Aead::chacha20_poly1305 ? 8 : 0) {
  EVP_CIPHER_CTX* c = cipher_.get();
  const bool ok =
      c && EVP_CipherInit_ex(c, cipher_of(keys.aead), nullptr, nullptr, nullptr, protects) == 1 &&
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_IVLEN, static_cast<int>(iv_.size()), nullptr) == 1 &&
      (!ccm_ || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTag, nullptr) == 1) &&
      EVP_CipherInit_ex(c, nullptr, nullptr, keys.key.data(), nullptr, -1) == 1;
  if (!ok) cipher_.reset();
}

// Starts a record of `plain` bytes: sets nonce, additional data and, for opening, the expected tag.
bool RecordCipher::begin(const char* header, const char* explicit_nonce, size_t plain, const char* tag) {
  std::array<uint8_t, 12> nonce = iv_;
  uint8_t number[8];
  write_big_endian(sequence_, number);
  if (explicit_nonce_ != 0) {
    std::memcpy(nonce.data() + 4, explicit_nonce, 8);
  } else {
    for (size_t i = 0; i < 8; i++) nonce[4 + i] ^= number[i];
  }
  // Additional data. TLS 1.3: the header. TLS 1.2: sequence number, type, version, length of the plaintext.
  uint8_t aad[kAad12];
  size_t aad_size = kRecordHeaderBytes;
  if (tls13()) {
    std::memcpy(aad, header, kRecordHeaderBytes);
  } else {
    std::memcpy(aad, number, sizeof number);
    write_header(static_cast<uint8_t>(header[0]), plain, reinterpret_cast<char*>(aad + 8));
    aad_size = kAad12;
  }
  EVP_CIPHER_CTX* c = cipher_.get();
  int ignored;
  return c && EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
         (!tag || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTag, const_cast<char*>(tag)) == 1) &&
         // CCM must know the length before the data.
         (!ccm_ || EVP_CipherUpdate(c, nullptr, &ignored, nullptr, static_cast<int>(plain)) == 1) &&
         EVP_CipherUpdate(c, nullptr, &ignored, aad, static_cast<int>(aad_size)) == 1;
}

bool RecordCipher::update(const char* data, size_t size, char* out) {
  int written;
  return EVP_CipherUpdate(cipher_.get(), unsigned_bytes(out), &written, unsigned_bytes(data),
                          static_cast<int>(size)) == 1;
}

std::unique_ptr<RecordProtector> RecordProtector::create(const RecordKeys& keys, uint64_t sequence) {
  std::unique_ptr<RecordProtector> made(new RecordProtector(keys, sequence));
  return made->cipher_ ? std::move(made) : nullptr;
}

size_t RecordProtector::protect(uint8_t type, std::string_view data, char* out) {
  const bool inner_type = tls13();
  const size_t plain = data.size() + (inner_type ? 1 : 0);
  const size_t length = explicit_nonce_ + plain + kTag;
  write_header(inner_type ? kRecordData : type, length, out);
  char* at = out + kRecordHeaderBytes;
  if (explicit_nonce_ != 0) write_big_endian(sequence_, unsigned_bytes(at));
  if (!begin(out, at, plain, nullptr)) return 0;
  at += explicit_nonce_;
  if (ccm_) {  // CCM needs all of a record's data in one call
    std::memmove(at, data.data(), data.size());
    if (inner_type) at[data.size()] = static_cast<char>(type);
    if (!update(at, plain, at)) return 0;
  } else {
    if (!data.empty() && !update(data.data(), data.size(), at)) return 0;
    const char last = static_cast<char>(type);
    if (inner_type && !update(&last, 1, at + data.size())) return 0;
  }
  int none;
  EVP_CIPHER_CTX* c = cipher_.get();
  const bool ok = EVP_EncryptFinal_ex(c, unsigned_bytes(at + plain), &none) == 1 &&
                  EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTag, at + plain) == 1;
  sequence_++;
  return ok ? kRecordHeaderBytes + length : 0;
}

std::unique_ptr<RecordOpener> RecordOpener::create(const RecordKeys& keys, uint64_t sequence) {
  std::unique_ptr<RecordOpener> made(new RecordOpener(keys, sequence));
  return made->cipher_ ? std::move(made) : nullptr;
}

RecordOpener::Opened RecordOpener::open(std::string_view record, char* out) {
  if (record.size() < kRecordHeaderBytes + explicit_nonce_ + kTag) return {};
  const size_t plain = record.size() - kRecordHeaderBytes - explicit_nonce_ - kTag;
  const char* at = record.data() + kRecordHeaderBytes;
  if (!begin(record.data(), at, plain, at + explicit_nonce_ + plain)) return {};
  int none;
  uint8_t nothing[kTag];
  const bool authentic = ((plain == 0 && !ccm_) || update(at + explicit_nonce_, plain, out)) &&
                         EVP_DecryptFinal_ex(cipher_.get(), nothing, &none) == 1;
  if (!authentic) return {};
  sequence_++;
  if (!tls13()) return {true, static_cast<uint8_t>(record[0]), plain};
  size_t size = plain;
  while (size > 0 && out[size - 1] == 0) size--;  // padding (RFC 8446 5.4)
  if (size == 0) return {true};
  return {true, static_cast<uint8_t>(out[size - 1]), size - 1};
}

std::string protect_record(const RecordKeys& keys, uint64_t sequence, uint8_t type, std::string_view data) {
  const auto protector = RecordProtector::create(keys, sequence);
  std::string record(data.size() + kRecordOverhead, '\0');
  record.resize(protector ? protector->protect(type, data, record.data()) : 0);
  return record;
}

bool open_record(const RecordKeys& keys, uint64_t sequence, std::string_view record, uint8_t* type,
                 std::string* data) {
  const auto opener = RecordOpener::create(keys, sequence);
  data->resize(record.size());
  const auto opened = opener ? opener->open(record, data->data()) : RecordOpener::Opened{};
  data->resize(opened.size);
  *type = opened.type;
  return opened.authentic && opened.type != 0;
}

}  // namespace sealgate
