// Protects and opens TLS 1.2 and 1.3 records in userspace with OpenSSL's AEAD ciphers (RFC 8446 5.2, RFC 5246
// 6.2.3.3, RFC 5288, RFC 6655, RFC 7905). Knows nothing of sockets.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tls/ktls.h"

namespace sealgate {

// The most plaintext bytes in a record (RFC 8446 5.1).
constexpr size_t kRecordBytes = 16384;
constexpr size_t kRecordHeaderBytes = 5, kRecordTagBytes = 16;
// Upper bound of RecordCipher::overhead().
constexpr size_t kRecordOverhead = kRecordHeaderBytes + 8 + kRecordTagBytes;

// Size of the whole record that begins with this header.
inline size_t record_size(const char* header) {
  return kRecordHeaderBytes +
         (static_cast<size_t>(static_cast<uint8_t>(header[3])) << 8 | static_cast<uint8_t>(header[4]));
}

// The cipher and key of one direction, and the sequence number of its next record.
class RecordCipher {
 public:
  uint64_t sequence() const { return sequence_; }
  // Bytes that a record adds to its data: header, explicit nonce or inner type, and tag.
  size_t overhead() const { return kRecordHeaderBytes + (tls13() ? 1 : explicit_nonce_) + kRecordTagBytes; }

 protected:
  RecordCipher(const RecordKeys& keys, uint64_t sequence, bool protects);
  bool begin(const char* header, const char* explicit_nonce, size_t plain, const char* tag);
  bool update(const char* data, size_t size, char* out);
  bool tls13() const { return version_ == TlsVersion::tls13; }

  struct Free {
    void operator()(EVP_CIPHER_CTX* cipher) const { EVP_CIPHER_CTX_free(cipher); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> cipher_;  // null: OpenSSL refused
  uint64_t sequence_;
  std::array<uint8_t, 12> iv_;
  const TlsVersion version_;
  const bool ccm_;
  const uint8_t explicit_nonce_;  // bytes of the nonce that go with each record
};

class RecordProtector : private RecordCipher {
 public:
  // Null when OpenSSL refuses.
  static std::unique_ptr<RecordProtector> create(const RecordKeys& keys, uint64_t sequence);
  using RecordCipher::overhead;
  using RecordCipher::sequence;

  // Writes a record to `out`, which needs kRecordOverhead bytes more than the data. Returns the record's
  // size; 0: OpenSSL failed, and the key must not be used any more.
  size_t protect(uint8_t type, std::string_view data, char* out);

 private:
  RecordProtector(const RecordKeys& keys, uint64_t sequence) : RecordCipher(keys, sequence, true) {}
};

class RecordOpener : private RecordCipher {
 public:
  struct Opened {
    bool authentic = false;
    uint8_t type = 0;  // the inner one; 0: there is none
    size_t size = 0;
  };

  static std::unique_ptr<RecordOpener> create(const RecordKeys& keys, uint64_t sequence);
  using RecordCipher::overhead;
  using RecordCipher::sequence;

  // Opens a whole record. Its data is written to `out`, which must have the size of the record.
  Opened open(std::string_view record, char* out);

 private:
  RecordOpener(const RecordKeys& keys, uint64_t sequence) : RecordCipher(keys, sequence, false) {}
};

// Protects one record with a cipher made for it. Empty on failure.
std::string protect_record(const RecordKeys& keys, uint64_t sequence, uint8_t type, std::string_view data);
// Opens one record; false when it is not authentic. *type is the inner type.
bool open_record(const RecordKeys& keys, uint64_t sequence, std::string_view record, uint8_t* type,
                 std::string* data);

}  // namespace sealgate
