// ControlRecords: evaluates records other than application data after the handshake, when OpenSSL no longer
// sees them: alerts, KeyUpdates and records that are not allowed then. The results and alerts are the same as
// OpenSSL's (RFC 8446 4.6.3, 5.1, 6; RFC 5246 7.2). Makes no system calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tls/ktls.h"

namespace sealgate {

// RFC 8446 6: AlertDescription.
enum class Alert : uint8_t {
  close_notify = 0,
  unexpected_message = 10,
  bad_record_mac = 20,
  record_overflow = 22,
  illegal_parameter = 47,
  decode_error = 50,
  protocol_version = 70,
  user_canceled = 90,
  no_renegotiation = 100,
};

struct Verdict {
  enum class Kind : uint8_t {
    nothing,           // read on
    close_notify,      // the peer sends nothing further
    alert_received,    // fatal: the peer has given up
    key_update,        // the next record comes under the next key
    no_renegotiation,  // TLS 1.2: warn with that alert and read on
    failed,            // send `alert` and end
  };
  Kind kind = Kind::nothing;
  Alert alert = Alert::close_notify;  // failed: to send. alert_received: the peer's, of any value
  bool update_requested = false;      // key_update: ours is wanted too
};

class ControlRecords {
 public:
  // whole_messages: refuse a KeyUpdate split over several records. A receiving kernel stops at its first
  // byte, which it takes for a key change, so the rest could not be read.
  ControlRecords(TlsVersion version, bool whole_messages)
      : version_(version), whole_messages_(whole_messages) {}

  // Evaluates one whole record of any type; application data only if it is empty.
  Verdict take(uint8_t type, std::string_view data);
  // Application data arrived, which resets the limits on warnings and empty records.
  void on_data() { warnings_ = empty_ = 0; }
  // Whether a message has begun that continues in the next record.
  bool mid_message() const { return begun_ > 0; }

 private:
  Verdict take_alert(std::string_view data);
  Verdict take_handshake(std::string_view data);
  Verdict take_key_update(std::string_view data);

  TlsVersion version_;
  bool whole_messages_;
  uint8_t warnings_ = 0, empty_ = 0;  // in a row
  std::array<char, 5> message_{};     // of a KeyUpdate, so far
  uint8_t begun_ = 0;                 // bytes of it
};

}  // namespace sealgate
