// The access log: one JSON line for each response, whole or cut. Reactors collect lines and leave them to a
// LogSink. Those that find no room there are dropped and counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log_sink.h"
#include "server/counters.h"

namespace sealgate {

// What operators may add to lines (log.fields).
enum class LogField : uint8_t { host, range, referer, user_agent, http_version, count_ };

// The name of a field in the settings.
std::string_view log_field_name(LogField field);

// One bit each.
class LogFields {
 public:
  void add(LogField field) { bits_ |= bit(field); }
  bool has(LogField field) const { return (bits_ & bit(field)) != 0; }

 private:
  static uint32_t bit(LogField field) { return uint32_t{1} << static_cast<uint32_t>(field); }
  uint32_t bits_ = 0;
};

struct AccessRecord {
  int64_t started = 0;     // microseconds since the epoch, when the head was complete
  int64_t first_byte = 0;  // microseconds from there until the response's first byte was handed to the kernel
  int64_t duration = 0;    // and its last
  std::string_view peer;   // address
  std::string_view subject;   // of the client's certificate
  std::string_view protocol;  // "TLSv1.3"; empty: plaintext, and so are the next four
  std::string_view cipher;
  std::string_view tx, rx;  // who had that direction: "kernel", or why not
  std::string_view group;   // of the rollout
  bool resumed = false;
  std::string_view request;         // its name: unique, or as a proxy in front called it
  std::string_view trace;           // traceparent (W3C Trace Context), as sent
  std::string_view method, target;  // as sent; empty when the head could not be read
  std::string_view http_version;    // "1.1"; it and the next are there only when they are wanted
  std::string_view host, range, referer, user_agent;  // as sent, and cut when they are long
  int status = 0;
  uint64_t received = 0, sent = 0;  // bytes of bodies, and of heads and bodies
  std::string_view delivery;        // "ktls-sendfile"
  std::string_view seal;            // "L1"; empty: generated content
  bool cut = false;                 // the last byte never left
};

// Without the newline.
std::string access_line(const AccessRecord& record);

// The lines of one reactor.
class AccessLines {
 public:
  AccessLines(LogSink& sink, Counters& counters) : sink_(sink), counters_(counters) {}

  bool wanted() const { return sink_.enabled(); }
  void add(const AccessRecord& record, int64_t now_ms);
  // When the lines collected should go, milliseconds on the clock of `now_ms`; INT64_MAX: there are none.
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
