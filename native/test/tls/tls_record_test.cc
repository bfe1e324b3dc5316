// ControlRecords: what each record that is no data asks of the receiver, as OpenSSL judges it.
#include "tls/tls_record.h"

#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

using Kind = Verdict::Kind;

struct Example {
  const char* what;
  TlsVersion version;
  uint8_t type;
  std::string data;
  Kind kind;
  Alert alert = Alert::close_notify;
  bool requested = false;
};

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out.push_back(static_cast<char>(value));
  return out;
}

constexpr TlsVersion v13 = TlsVersion::tls13, v12 = TlsVersion::tls12;
constexpr uint8_t kChangeCipherSpec = 20;

const Example examples[] = {
    {"KeyUpdate", v13, kRecordHandshake, bytes({24, 0, 0, 1, 0}), Kind::key_update},
    {"KeyUpdate, ours requested", v13, kRecordHandshake, bytes({24, 0, 0, 1, 1}), Kind::key_update, {}, true},
    {"KeyUpdate of another value", v13, kRecordHandshake, bytes({24, 0, 0, 1, 2}), Kind::failed,
     Alert::illegal_parameter},
    {"KeyUpdate of two bytes", v13, kRecordHandshake, bytes({24, 0, 0, 2, 0, 0}), Kind::failed,
     Alert::illegal_parameter},
    {"KeyUpdate of 64 KiB", v13, kRecordHandshake, bytes({24, 1, 0, 0, 0}), Kind::failed,
     Alert::illegal_parameter},
    {"KeyUpdate of none", v13, kRecordHandshake, bytes({24, 0, 0, 0}), Kind::failed, Alert::decode_error},
    {"KeyUpdate and more", v13, kRecordHandshake, bytes({24, 0, 0, 1, 0, 24}), Kind::failed,
     Alert::unexpected_message},
    {"half a KeyUpdate", v13, kRecordHandshake, bytes({24, 0, 0}), Kind::failed, Alert::unexpected_message},
    {"its head alone", v13, kRecordHandshake, bytes({24, 0, 0, 1}), Kind::failed, Alert::unexpected_message},
    {"nothing", v13, kRecordHandshake, "", Kind::failed, Alert::unexpected_message},
    {"ClientHello", v13, kRecordHandshake, bytes({1, 0, 0, 1, 0}), Kind::failed, Alert::unexpected_message},
    {"KeyUpdate in TLS 1.2", v12, kRecordHandshake, bytes({24, 0, 0, 1, 0}), Kind::failed,
     Alert::unexpected_message},
    {"ClientHello in TLS 1.2", v12, kRecordHandshake, bytes({1, 0, 0, 1, 0}), Kind::no_renegotiation},
    {"ChangeCipherSpec", v13, kChangeCipherSpec, bytes({1}), Kind::failed, Alert::unexpected_message},
    {"ChangeCipherSpec in TLS 1.2", v12, kChangeCipherSpec, bytes({1}), Kind::failed,
     Alert::unexpected_message},
    {"an unknown type", v13, 255, bytes({1, 2}), Kind::failed, Alert::unexpected_message},
    {"close_notify", v13, kRecordAlert, bytes({1, 0}), Kind::close_notify},
    {"close_notify called fatal", v13, kRecordAlert, bytes({2, 0}), Kind::close_notify},
    {"close_notify in TLS 1.2", v12, kRecordAlert, bytes({1, 0}), Kind::close_notify},
    {"a fatal alert", v12, kRecordAlert, bytes({2, 20}), Kind::alert_received, Alert::bad_record_mac},
    {"a fatal alert called a warning", v13, kRecordAlert, bytes({1, 20}), Kind::alert_received,
     Alert::bad_record_mac},
    {"a warning", v12, kRecordAlert, bytes({1, 20}), Kind::nothing},
    {"a level of no meaning", v12, kRecordAlert, bytes({3, 20}), Kind::failed, Alert::illegal_parameter},
    {"user_canceled", v13, kRecordAlert, bytes({1, 90}), Kind::nothing},
    {"half an alert", v13, kRecordAlert, bytes({1}), Kind::failed, Alert::unexpected_message},
    {"two alerts", v13, kRecordAlert, bytes({1, 90, 1, 0}), Kind::failed, Alert::unexpected_message},
    {"no alert", v12, kRecordAlert, "", Kind::failed, Alert::unexpected_message},
};

TEST_CASE("each example of a control record gets its verdict") {
  for (const Example& example : examples) {
    INFO(std::string(example.what));
    ControlRecords records(example.version, true);
    const Verdict verdict = records.take(example.type, example.data);
    CHECK_EQ(static_cast<int>(verdict.kind), static_cast<int>(example.kind));
    CHECK_EQ(static_cast<int>(verdict.alert), static_cast<int>(example.alert));
    CHECK_EQ(verdict.update_requested, example.requested);
  }
}

TEST_CASE("five warnings in a row are too many") {
  ControlRecords records(v12, true);
  const std::string warning = bytes({1, 90});
  for (int i = 0; i < 4; i++) CHECK(records.take(kRecordAlert, warning).kind == Kind::nothing);
  CHECK(records.take(kRecordAlert, warning).kind == Kind::failed);
}

TEST_CASE("data between warnings forgives them") {
  ControlRecords records(v13, true);
  for (int i = 0; i < 20; i++) {
    CHECK(records.take(kRecordAlert, bytes({1, 90})).kind == Kind::nothing);
    records.on_data();
  }
}

TEST_CASE("a KeyUpdate in pieces is put together where messages need not be whole") {
  const std::string update = bytes({24, 0, 0, 1, 1});
  for (size_t cut = 1; cut < update.size(); cut++) {
    ControlRecords records(v13, false);
    CHECK(records.take(kRecordHandshake, update.substr(0, cut)).kind == Kind::nothing);
    CHECK(records.mid_message());
    const Verdict verdict = records.take(kRecordHandshake, update.substr(cut));
    CHECK(verdict.kind == Kind::key_update);
    CHECK(verdict.update_requested);
    CHECK(!records.mid_message());
  }
}

TEST_CASE("pieces that make something else than one KeyUpdate are refused") {
  const auto second = [](std::string_view first, std::string_view then, uint8_t type = kRecordHandshake) {
    ControlRecords records(v13, false);
    CHECK(records.take(kRecordHandshake, first).kind == Kind::nothing);
    return records.take(type, then);
  };
  const std::string begun = bytes({24, 0});
  CHECK(second(begun, bytes({0, 1, 0, 24})).alert == Alert::unexpected_message);
  CHECK(second(begun, bytes({0, 1, 2})).alert == Alert::illegal_parameter);
  CHECK(second(begun, bytes({0, 0})).alert == Alert::decode_error);
  CHECK(second(begun, bytes({1, 0}), kRecordAlert).alert == Alert::unexpected_message);
  CHECK(second(begun, "", kRecordData).alert == Alert::unexpected_message);
  ControlRecords records(v13, false);
  CHECK(records.take(kRecordHandshake, bytes({20})).alert == Alert::unexpected_message);
}

TEST_CASE("empty records of data are passed over until they are too many in a row") {
  ControlRecords records(v13, false);
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 32; i++) CHECK(records.take(kRecordData, "").kind == Kind::nothing);
    if (round == 0) records.on_data();
  }
  CHECK(records.take(kRecordData, "").alert == Alert::unexpected_message);
}

}  // namespace
}  // namespace sealgate
