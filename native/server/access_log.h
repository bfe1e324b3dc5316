// The access log: one JSON line for each response, whole or cut. Each reactor collects its lines and
// passes them to a LogSink; lines for which the sink has no room are dropped and counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log_sink.h"
#include "server/counters.h"

namespace sealgate {

// The fields that an operator may add to each line (log.fields).
enum class LogField : uint8_t { site, host, range, referer, user_agent, http_version, count_ };

// The name of the field in the setting log.fields.
std::string_view log_field_name(LogField field);

// A set of fields, one bit for each.
class LogFields {
 public:
  void add(LogField field) { bits_ |= bit(field); }
  bool has(LogField field) const { return (bits_ & bit(field)) != 0; }

 private:
  static uint32_t bit(LogField field) { return uint32_t{1} << static_cast<uint32_t>(field); }
  uint32_t bits_ = 0;
};

struct AccessRecord {
  int64_t started = 0;        // microseconds since the epoch, when the head was complete
  int64_t first_byte = 0;     // microseconds from `started` until the first byte was handed to the kernel
  int64_t duration = 0;       // microseconds from `started` until the last byte was
  std::string_view peer;      // the client's address
  std::string_view via;       // the connection's, where a trusted proxy has named the client
  std::string_view subject;   // subject of the client's certificate
  std::string_view protocol;  // "TLSv1.3"; in plaintext this and the next four are empty
  std::string_view cipher;
  std::string_view tx, rx;  // who protects the records: "kernel", or why it is not the kernel
  std::string_view group;   // the rollout group
  bool resumed = false;
  std::string_view request;         // the request's name: our own, or the one that a proxy in front gave it
  std::string_view trace;           // value of traceparent (W3C Trace Context), as sent
  std::string_view method, target;  // as sent; empty when the head could not be read
  std::string_view http_version;    // "1.1"; these fields are filled only when log.fields names them
  std::string_view site;            // the name of the site that answered
  std::string_view host, range, referer, user_agent;  // as sent, and cut when they are long
  int status = 0;
  uint64_t received = 0, sent = 0;  // bytes of the request body; bytes of the response with its head
  std::string_view delivery;        // "ktls-sendfile"
  std::string_view limit;           // the name of the rate limit that refused it
  std::string_view seal;            // "L1"; empty: generated content
  std::string_view cmcd;            // what the player said (CTA-5004), a JSON object
  bool cmcd_malformed = false;      // and something that could not be read
  bool cut = false;                 // the response ended before its last byte
};

// The JSON text of a line, without the newline.
std::string access_line(const AccessRecord& record);

// The lines that one reactor has collected.
class AccessLines {
 public:
  AccessLines(LogSink& sink, Counters& counters) : sink_(sink), counters_(counters) {}

  bool wanted() const { return sink_.enabled(); }
  void add(const AccessRecord& record, int64_t now_ms);
  // When flush() is due, milliseconds on the clock of `now_ms`; INT64_MAX: there are no lines.
  int64_t due() const { return lines_.empty() ? INT64_MAX : due_; }
  void flush();

 private:
  LogSink& sink_;
  Counters& counters_;
  std::string lines_;
  uint64_t count_ = 0;
  int64_t due_ = 0;
};

}  // namespace sealgate
