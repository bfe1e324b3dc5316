// Control records of a receiving kernel, any sequence of them: whatever comes, each verdict is one that RFC
// 8446 6 allows, and a KeyUpdate is taken for one only when it is one byte for byte.
//
// Input: a byte for the protocol version, then records: type, length, as many bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tls_record.h"

namespace sealgate {
namespace {

void hold(bool invariant) {
  if (!invariant) std::abort();
}

void judge(const Verdict& verdict, TlsVersion version, uint8_t type, std::string_view data) {
  switch (verdict.kind) {
    case Verdict::Kind::key_update:
      hold(version == TlsVersion::tls13 && type == kRecordHandshake && data.size() == 5);
      hold(data.substr(0, 4) == std::string_view("\x18\0\0\1", 4) && static_cast<uint8_t>(data[4]) <= 1);
      hold(verdict.update_requested == (data[4] == 1));
      return;
    case Verdict::Kind::close_notify: return hold(type == kRecordAlert && data.size() == 2 && data[1] == 0);
    case Verdict::Kind::alert_received: return hold(type == kRecordAlert && data.size() == 2);
    case Verdict::Kind::nothing: return hold(type == kRecordAlert && data.size() == 2);
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
  left.remove_prefix(1);
  ControlRecords records(version);
  while (left.size() >= 2) {
    const auto type = static_cast<uint8_t>(left[0]);
    const std::string_view data = left.substr(2, static_cast<uint8_t>(left[1]));
    left.remove_prefix(2 + data.size());
    if (type == kRecordData) {
      records.on_data();
    } else {
      judge(records.take(type, data), version, type, data);
    }
  }
  return 0;
}
