// The keys derived here are the ones that OpenSSL uses: they open what it really wrote.
#include <openssl/ssl.h>

#include <doctest/doctest.h>
#include "test/tls_pair.h"
#include "tls/ktls.h"
#include "tls/record_crypto.h"

namespace sealgate {
namespace {

constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kNewSessionTicket = 4, kFinished = 20, kKeyUpdate = 24;  // RFC 8446 4: HandshakeType

std::string hex(const uint8_t* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; i++) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", bytes[i]);
    text += two;
  }
  return text;
}

bool secret_of(const TlsPair& pair, const char* label, TrafficSecret& out) {
  return parse_keylog(pair.keylog(label), label, out);
}

// What `direction` of the server is protected with after the handshake.
bool derive(const TlsPair& pair, const TestSuite& suite, Direction direction, RecordKeys& out) {
  if (suite.version == TlsVersion::tls12) return derive_keys12(pair.server(), direction, suite.aead, out);
  const bool tx = direction == Direction::tx;
  TrafficSecret secret;
  return secret_of(pair, tx ? "SERVER_TRAFFIC_SECRET_0" : "CLIENT_TRAFFIC_SECRET_0", secret) &&
         derive_keys13(secret, suite.aead, out);
}

struct Opened {
  bool ok = false;
  uint8_t type = 0;
  std::string data;
};

Opened open(const RecordKeys& keys, uint64_t sequence, const std::string& record) {
  Opened opened;
  opened.ok = open_record(keys, sequence, record, &opened.type, &opened.data);
  return opened;
}

void opens_data(const RecordKeys& keys, uint64_t sequence, const std::string& wire, std::string_view data) {
  const Opened opened = open(keys, sequence, wire);
  CHECK(opened.ok);
  CHECK_EQ(opened.type, kRecordData);
  CHECK_EQ(opened.data, data);
}

// RFC 8448 3, "Simple 1-RTT Handshake".
TEST_CASE("the example handshake of RFC 8448 yields its server keys") {
  TrafficSecret secret;
  REQUIRE(parse_keylog("S 00 a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", "S", secret));
  RecordKeys keys;
  REQUIRE(derive_keys13(secret, Aead::aes128_gcm, keys));
  CHECK_EQ(hex(keys.key.data(), 16), "9f02283b6c9c07efc26bb9f2ac92e356");
  CHECK_EQ(hex(keys.iv.data(), 12), "cf782b88dd83549aadf1e984");
}

TEST_CASE("every suite is recognized for what was negotiated") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    CHECK(negotiated_aead(pair.server()) == suite.aead);
    CHECK(negotiated_version(pair.server()) == suite.version);
  }
}

TEST_CASE("a suite that the kernel does not know is not mistaken for one that it does") {
  for (const char* name : {"ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES256-CCM", "ECDHE-ECDSA-AES128-SHA256",
                           "ECDHE-ECDSA-ARIA128-GCM-SHA256"}) {
    INFO(std::string(name));
    TlsPair pair({TlsVersion::tls12, Aead::aes128_ccm, name});
    REQUIRE(pair.handshake());
    CHECK(!negotiated_aead(pair.server()).has_value());
  }
  TlsPair pair({TlsVersion::tls13, Aead::aes128_ccm, "TLS_AES_128_CCM_8_SHA256"});
  REQUIRE(pair.handshake());
  CHECK(!negotiated_aead(pair.server()).has_value());
}

TEST_CASE("the server's keys open all that it writes under them, in sequence") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    RecordKeys keys;
    REQUIRE(derive(pair, suite, Direction::tx, keys));
    CHECK(keys.version == suite.version);
    CHECK(keys.aead == suite.aead);
    uint64_t sequence = 0;
    bool encrypted = suite.version == TlsVersion::tls13;
    for (const std::string& record : records_of(pair.last_flight())) {
      if (!encrypted) {
        encrypted = record[0] == kChangeCipherSpec;
        continue;
      }
      const Opened opened = open(keys, sequence++, record);
      REQUIRE(opened.ok);
      CHECK_EQ(opened.type, kRecordHandshake);
      CHECK_EQ(static_cast<int>(opened.data[0]),
               suite.version == TlsVersion::tls13 ? kNewSessionTicket : kFinished);
    }
    CHECK_EQ(sequence, suite.version == TlsVersion::tls13 ? 2 : 1);  // two tickets; one Finished
    for (const std::string& data : {std::string("hello"), std::string(16384, 'x'), std::string("again")}) {
      opens_data(keys, sequence++, TlsPair::written(pair.server(), data), data);
    }
  }
}

TEST_CASE("the client's keys open what the server will receive") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    RecordKeys keys;
    REQUIRE(derive(pair, suite, Direction::rx, keys));
    const uint64_t sequence = suite.version == TlsVersion::tls13 ? 0 : 1;  // after Finished in TLS 1.2
    opens_data(keys, sequence, TlsPair::written(pair.client(), "GET /"), "GET /");
    opens_data(keys, sequence + 1, TlsPair::written(pair.client(), "second"), "second");
  }
}

TEST_CASE("a session that was resumed has keys of its own, and they fit too") {
  for (const TestSuite& suite : kSuites) {
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    RecordKeys first, resumed;
    REQUIRE(derive(pair, suite, Direction::tx, first));
    REQUIRE(pair.resume());
    REQUIRE(derive(pair, suite, Direction::tx, resumed));
    CHECK(first.key != resumed.key);
    CHECK(first.iv != resumed.iv);
    // After Finished in TLS 1.2; after one ticket in TLS 1.3.
    opens_data(resumed, 1, TlsPair::written(pair.server(), "again"), "again");
  }
}

TEST_CASE("after each KeyUpdate the next secret's keys fit, from sequence 0") {
  for (const TestSuite& suite : kSuites) {
    if (suite.version != TlsVersion::tls13) continue;
    INFO(std::string(suite.name));
    TlsPair pair(suite);
    REQUIRE(pair.handshake());
    TrafficSecret secret;
    REQUIRE(secret_of(pair, "SERVER_TRAFFIC_SECRET_0", secret));
    uint64_t sequence = 2;  // after the tickets
    for (int generation = 0; generation < 3; generation++) {
      RecordKeys old_keys, keys;
      REQUIRE(derive_keys13(secret, suite.aead, old_keys));
      REQUIRE(SSL_key_update(pair.server(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
      const auto records = records_of(TlsPair::written(pair.server(), "new key"));
      REQUIRE(records.size() == 2);
      const Opened update = open(old_keys, sequence, records[0]);
      CHECK(update.ok);
      CHECK_EQ(update.type, kRecordHandshake);
      CHECK_EQ(update.data, std::string({static_cast<char>(kKeyUpdate), 0, 0, 1, 0}));
      CHECK(!open(old_keys, sequence + 1, records[1]).ok);
      REQUIRE(next_secret13(secret, suite.aead));
      REQUIRE(derive_keys13(secret, suite.aead, keys));
      opens_data(keys, 0, records[1], "new key");
      sequence = 1;
    }
  }
}

TEST_CASE("a line of the keylog is read only under its label and whole") {
  const std::string short_secret(64, 'a'), long_secret(96, 'B');
  TrafficSecret secret;
  CHECK(parse_keylog("LABEL 0011 " + short_secret, "LABEL", secret));
  CHECK_EQ(secret.size, 32);
  CHECK_EQ(secret.bytes[31], 0xaa);
  CHECK(parse_keylog("LABEL 0011 " + long_secret, "LABEL", secret));
  CHECK_EQ(secret.size, 48);
  CHECK_EQ(secret.bytes[47], 0xbb);
  for (const std::string& line :
       {"LABEL_0 0011 " + short_secret, "OTHER 0011 " + short_secret, "LABEL" + short_secret,
        "LABEL 0011 " + short_secret.substr(2), "LABEL 0011 " + short_secret + "aa",
        "LABEL 0011 " + std::string(64, 'g'), std::string("LABEL"), std::string()}) {
    INFO(std::string(line));
    TrafficSecret untouched;
    CHECK(!parse_keylog(line, "LABEL", untouched));
  }
}

TEST_CASE("a wiped secret holds nothing") {
  TrafficSecret secret;
  REQUIRE(parse_keylog("L 0 " + std::string(96, 'f'), "L", secret));
  secret.wipe();
  CHECK_EQ(secret.size, 0);
  CHECK_EQ(hex(secret.bytes.data(), secret.bytes.size()), std::string(96, '0'));
}

}  // namespace
}  // namespace sealgate
