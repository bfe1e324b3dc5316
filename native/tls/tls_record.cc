#include "tls/tls_record.h"

#include <utility>

namespace sealgate {
namespace {

constexpr uint8_t kWarning = 1, kFatal = 2;           // RFC 5246 7.2: AlertLevel
constexpr uint8_t kClientHello = 1, kKeyUpdate = 24;  // RFC 8446 4: HandshakeType
constexpr size_t kHandshakeHeader = 4;
constexpr uint8_t kMaxWarnings = 5, kMaxEmpty = 32;  // OpenSSL's bounds

Verdict failed(Alert alert) { return {Verdict::Kind::failed, alert}; }

}  // namespace

Verdict ControlRecords::take(uint8_t type, std::string_view data) {
  // Records of other types must not come between those of one message (RFC 8446 5.1).
  if (mid_message() && type != kRecordHandshake) return failed(Alert::unexpected_message);
  if (type == kRecordData && data.empty() && ++empty_ <= kMaxEmpty) return {};
  if (type == kRecordHandshake) return take_handshake(data);
  if (type == kRecordAlert) return take_alert(data);
  return failed(Alert::unexpected_message);
}

Verdict ControlRecords::take_alert(std::string_view data) {
  if (data.size() != 2) return failed(Alert::unexpected_message);
  const auto level = static_cast<uint8_t>(data[0]);
  const auto alert = static_cast<Alert>(data[1]);
  const bool tls13 = version_ == TlsVersion::tls13;  // which ignores the alert level (RFC 8446 6)
  if (level == kWarning || (tls13 && alert == Alert::user_canceled)) {
    if (++warnings_ >= kMaxWarnings) return failed(Alert::unexpected_message);
  }
  if (tls13 && alert == Alert::user_canceled) return {};
  if (alert == Alert::close_notify && (tls13 || level == kWarning)) return {Verdict::Kind::close_notify};
  if (tls13 || level == kFatal) return {Verdict::Kind::alert_received, alert};
  return level == kWarning ? Verdict{} : failed(Alert::illegal_parameter);
}

Verdict ControlRecords::take_handshake(std::string_view data) {
  warnings_ = 0;
  if (data.empty()) return failed(Alert::unexpected_message);
  if (version_ == TlsVersion::tls12) {
    // Renegotiation is off: a ClientHello gets a warning, every other handshake message is an error.
    const bool hello = data.size() >= kHandshakeHeader && static_cast<uint8_t>(data[0]) == kClientHello;
    return hello ? Verdict{Verdict::Kind::no_renegotiation} : failed(Alert::unexpected_message);
  }
  if (!whole_messages_ && (mid_message() || data.size() < message_.size())) {
    if (data.size() > message_.size() - begun_) return failed(Alert::unexpected_message);
    data.copy(message_.data() + begun_, data.size());
    begun_ = static_cast<uint8_t>(begun_ + data.size());
    if (begun_ < message_.size() && (begun_ < kHandshakeHeader || message_[3] != 0)) {
      return message_[0] == kKeyUpdate ? Verdict{} : failed(Alert::unexpected_message);
    }
    return take_key_update({message_.data(), std::exchange(begun_, uint8_t{0})});
  }
  return take_key_update(data);
}

Verdict ControlRecords::take_key_update(std::string_view data) {
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(data[at]); };
  if (byte(0) != kKeyUpdate || data.size() < kHandshakeHeader) return failed(Alert::unexpected_message);
  const size_t length = static_cast<size_t>(byte(1)) << 16 | static_cast<size_t>(byte(2)) << 8 | byte(3);
  if (length > 1) return failed(Alert::illegal_parameter);
  if (length == 0) return failed(Alert::decode_error);
  // A message before a key change must end its record (RFC 8446 5.1).
  if (data.size() != kHandshakeHeader + 1) return failed(Alert::unexpected_message);
  if (byte(4) > 1) return failed(Alert::illegal_parameter);
  return {Verdict::Kind::key_update, Alert::close_notify, byte(4) == 1};
}

}  // namespace sealgate
