// Records made by hand are what a real peer accepts, and no altered record is opened.
#include "tls/record_crypto.h"

#include <doctest/doctest.h>
#include "test/tls_pair.h"

namespace sealgate {
namespace {

constexpr uint64_t kLastSequence = UINT64_MAX;

void fill(RecordKeys& keys, const TestSuite& suite) {
  keys.version = suite.version;
  keys.aead = suite.aead;
  for (size_t i = 0; i < keys.key.size(); i++) keys.key[i] = static_cast<uint8_t>(i * 7 + 1);
  const bool salt_only = suite.version == TlsVersion::tls12 && suite.aead != Aead::chacha20_poly1305;
  for (size_t i = 0; i < (salt_only ? 4u : 12u); i++) keys.iv[i] = static_cast<uint8_t>(i + 100);
}

bool opens(const RecordKeys& keys, uint64_t sequence, std::string_view record) {
  uint8_t type;
  std::string data;
  return open_record(keys, sequence, record, &type, &data);
}

TEST_CASE("a record that was protected is opened with its type and data") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    RecordKeys keys;
    fill(keys, suite);
    for (const size_t size : {1, 2, 100, 16384}) {
      for (const uint8_t sent : {kRecordAlert, kRecordHandshake, kRecordData}) {
        const std::string data(size, 'd');
        const std::string record = protect_record(keys, kLastSequence - size, sent, data);
        uint8_t type = 0;
        std::string opened;
        CHECK(open_record(keys, kLastSequence - size, record, &type, &opened));
        CHECK_EQ(type, sent);
        CHECK_EQ(opened, data);
      }
    }
  }
}

TEST_CASE("an empty record is opened as empty") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    RecordKeys keys;
    fill(keys, suite);
    uint8_t type = 0;
    std::string data = "left over";
    CHECK(open_record(keys, 0, protect_record(keys, 0, kRecordData, ""), &type, &data));
    CHECK_EQ(type, kRecordData);
    CHECK_EQ(data, "");
  }
}

TEST_CASE("a record with any one bit changed, or cut, is not opened") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    RecordKeys keys;
    fill(keys, suite);
    const std::string record = protect_record(keys, 3, kRecordData, "some data");
    REQUIRE(opens(keys, 3, record));
    for (size_t bit = 0; bit < 8 * record.size(); bit++) {
      // The 1.2 header's version and length are made anew, not read.
      if (suite.version == TlsVersion::tls12 && bit / 8 >= 1 && bit / 8 <= 4) continue;
      std::string altered = record;
      altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << bit % 8));
      CHECK(!opens(keys, 3, altered));
    }
    for (size_t size = 0; size < record.size(); size++) CHECK(!opens(keys, 3, record.substr(0, size)));
  }
}

TEST_CASE("a record is opened only at its place in the sequence and under its key") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    RecordKeys keys, other;
    fill(keys, suite);
    fill(other, suite);
    other.key[0] ^= 1;
    const std::string record = protect_record(keys, 3, kRecordData, "some data");
    CHECK(!opens(keys, 2, record));
    CHECK(!opens(keys, 4, record));
    CHECK(!opens(other, 3, record));
  }
}

// RFC 8446 5.4: the type is the last byte that is not zero.
TEST_CASE("padding of TLS 1.3 is removed, and a record of nothing else refused") {
  RecordKeys keys;
  fill(keys, kSuites[0]);
  uint8_t type = 0;
  std::string data;
  const std::string padded = std::string("data") + static_cast<char>(kRecordAlert) + std::string(6, '\0');
  CHECK(open_record(keys, 0, protect_record(keys, 0, 0, padded), &type, &data));
  CHECK_EQ(type, kRecordAlert);
  CHECK_EQ(data, "data");
  CHECK(!opens(keys, 0, protect_record(keys, 0, 0, std::string(20, '\0'))));
}

std::string bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

// RFC 8448 3: the client's application data, the bytes 0 to 49.
TEST_CASE("the example record of RFC 8448 is opened, and protected to the same bytes") {
  const std::string record = bytes_of(
      "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b6297"
      "4e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
  RecordKeys keys;
  bytes_of("17422dda596ed5d9acd890e3c63f5051").copy(reinterpret_cast<char*>(keys.key.data()), 16);
  bytes_of("5b78923dee08579033e523d9").copy(reinterpret_cast<char*>(keys.iv.data()), 12);
  std::string expected;
  for (char c = 0; c < 50; c++) expected.push_back(c);
  uint8_t type = 0;
  std::string data;
  CHECK(open_record(keys, 0, record, &type, &data));
  CHECK_EQ(type, kRecordData);
  CHECK_EQ(data, expected);
  CHECK_EQ(protect_record(keys, 0, kRecordData, expected), record);
}

TEST_CASE("OpenSSL reads a record that was protected with its server's keys") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    RecordKeys keys;
    uint64_t sequence = 1;  // after Finished
    if (suite.version == TlsVersion::tls12) {
      REQUIRE(derive_keys12(pair.server(), Direction::tx, suite.aead, keys));
    } else {
      TrafficSecret secret;
      constexpr const char* kLabel = "SERVER_TRAFFIC_SECRET_0";
      REQUIRE(parse_keylog(pair.keylog(kLabel), kLabel, secret));
      REQUIRE(derive_keys13(secret, suite.aead, keys));
      sequence = 2;  // after two tickets
    }
    TlsPair::give(pair.client(), protect_record(keys, sequence, kRecordData, "from the kernel"));
    CHECK_EQ(TlsPair::read(pair.client()), "from the kernel");
    const std::string close_notify({1, 0});
    TlsPair::give(pair.client(), protect_record(keys, sequence + 1, kRecordAlert, close_notify));
    CHECK_EQ(TlsPair::read(pair.client()), "");
    CHECK((SSL_get_shutdown(pair.client()) & SSL_RECEIVED_SHUTDOWN) != 0);
  }
}

}  // namespace
}  // namespace sealgate
