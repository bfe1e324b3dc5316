// ControlRecords: what each record that is no data asks of the receiver, as OpenSSL judges it.
#include "tls_record.h"

#include <string>

#include "check.h"

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

TEST("each record gets its verdict") {
  for (const Example& example : examples) {
    const check::Context context(example.what);
    ControlRecords records(example.version);
    const Verdict verdict = records.take(example.type, example.data);
    CHECK_EQ(static_cast<int>(verdict.kind), static_cast<int>(example.kind));
    CHECK_EQ(static_cast<int>(verdict.alert), static_cast<int>(example.alert));
    CHECK_EQ(verdict.update_requested, example.requested);
  }
}

TEST("five warnings in a row are too many") {
  ControlRecords records(v12);
  const std::string warning = bytes({1, 90});
  for (int i = 0; i < 4; i++) CHECK(records.take(kRecordAlert, warning).kind == Kind::nothing);
  CHECK(records.take(kRecordAlert, warning).kind == Kind::failed);
}

TEST("data between warnings forgives them") {
  ControlRecords records(v13);
  for (int i = 0; i < 20; i++) {
    CHECK(records.take(kRecordAlert, bytes({1, 90})).kind == Kind::nothing);
    records.on_data();
  }
}

}  // namespace
}  // namespace sealgate
