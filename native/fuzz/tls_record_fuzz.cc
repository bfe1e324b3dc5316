// Control records, any sequence of them: whatever comes, each verdict is one that RFC 8446 6 allows, and a
// KeyUpdate is taken for one only when it is one byte for byte.
//
// Input: a byte for the protocol version and for whether messages are whole, then records: type, length, as
// many bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tls/tls_record.h"

namespace sealgate {
namespace {

void hold(bool invariant) {
  if (!invariant) std::abort();
}

// data: in TLS 1.3 of the whole message, so far.
void judge(const Verdict& verdict, TlsVersion version, bool whole, uint8_t type, std::string_view data) {
  constexpr std::string_view kUpdate("\x18\0\0\1", 4);
  switch (verdict.kind) {
    case Verdict::Kind::key_update:
      hold(version == TlsVersion::tls13 && type == kRecordHandshake && data.size() == 5);
      hold(data.substr(0, 4) == kUpdate && static_cast<uint8_t>(data[4]) <= 1);
      hold(verdict.update_requested == (data[4] == 1));
      return;
    case Verdict::Kind::close_notify: return hold(type == kRecordAlert && data.size() == 2 && data[1] == 0);
    case Verdict::Kind::alert_received: return hold(type == kRecordAlert && data.size() == 2);
    case Verdict::Kind::nothing:
      if (type == kRecordHandshake) return hold(!whole && data.size() < 5 && data[0] == kUpdate[0]);
      return hold(type == kRecordData ? data.empty() : type == kRecordAlert && data.size() == 2);
    case Verdict::Kind::no_renegotiation: return hold(version == TlsVersion::tls12 && data[0] == 1);
    case Verdict::Kind::failed: return hold(verdict.alert != Alert::close_notify);
  }
  hold(false);
}

}  // namespace
}  // namespace sealgate

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
  using namespace sealgate;
  std::string_view left(reinterpret_cast<const char*>(input), size);
  if (left.empty()) return 0;
  const TlsVersion version = left[0] & 1 ? TlsVersion::tls13 : TlsVersion::tls12;
  const bool whole = (left[0] & 2) != 0;
  left.remove_prefix(1);
  ControlRecords records(version, whole);
  std::string message;
  while (left.size() >= 2) {
    const auto type = static_cast<uint8_t>(left[0]);
    const std::string_view data = left.substr(2, static_cast<uint8_t>(left[1]));
    left.remove_prefix(2 + data.size());
    if (type == kRecordData && !data.empty() && !records.mid_message()) {
      records.on_data();
      continue;
    }
    if (type == kRecordHandshake) message += data;
    const Verdict verdict = records.take(type, data);
    judge(verdict, version, whole, type, type == kRecordHandshake ? message : data);
    if (verdict.kind == Verdict::Kind::failed) break;
    if (!records.mid_message()) message.clear();
  }
  return 0;
}
