#include "server/access_log.h"

#include <cstdio>

#include "base/json.h"

namespace sealgate {
namespace {

constexpr size_t kFlushBytes = 32 * 1024;  // a reactor hands its lines over when it has this many
constexpr int64_t kFlushAfter = 100;       // milliseconds: or when its oldest line is this old

// Bytes: fields are cut to this, since a client may send one as long as a head.
constexpr size_t kMostOfField = 1024;

void append_key(std::string& out, const char* key) {
  out.append(out.empty() ? "{\"" : ",\"").append(key).append("\":");
}

void append(std::string& out, const char* key, std::string_view value) {
  if (value.empty()) return;
  append_key(out, key);
  append_json(out, value);
}

void append_field(std::string& out, const char* key, std::string_view value) {
  append(out, key, value.substr(0, kMostOfField));
}

void append(std::string& out, const char* key, uint64_t value) {
  append_key(out, key);
  out.append(std::to_string(value));
}

void append_milliseconds(std::string& out, const char* key, int64_t microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(microseconds) / 1000);
  append_key(out, key);
  out.append(text);
}

void append_time(std::string& out, int64_t microseconds) { append(out, "time", rfc3339(microseconds)); }

}  // namespace

std::string_view log_field_name(LogField field) {
  switch (field) {
    case LogField::site: return "site";
    case LogField::host: return "host";
    case LogField::range: return "range";
    case LogField::referer: return "referer";
    case LogField::user_agent: return "userAgent";
    case LogField::http_version: return "httpVersion";
    case LogField::count_: break;
  }
  return "";
}

std::string access_line(const AccessRecord& record) {
  std::string out;
  out.reserve(512);
  append_time(out, record.started);
  append(out, "request", record.request);
  append(out, "trace", record.trace);
  append(out, "peer", record.peer);
  append(out, "via", record.via);
  append(out, "subject", record.subject);
  append(out, "method", record.method);
  append(out, "target", record.target);
  append(out, "status", static_cast<uint64_t>(record.status));
  append(out, "received", record.received);
  append(out, "sent", record.sent);
  append_milliseconds(out, "first_byte_ms", record.first_byte);
  append_milliseconds(out, "duration_ms", record.duration);
  append(out, "delivery", record.delivery);
  append(out, "limit", record.limit);
  append(out, "seal", record.seal);
  append(out, "protocol", record.protocol);
  append(out, "cipher", record.cipher);
  append(out, "tx", record.tx);
  append(out, "rx", record.rx);
  append(out, "group", record.group);
  if (record.resumed) out.append(",\"resumed\":true");
  if (record.cut) out.append(",\"cut\":true");
  append(out, "http_version", record.http_version);
  append_field(out, "site", record.site);
  append_field(out, "host", record.host);
  append_field(out, "range", record.range);
  append_field(out, "referer", record.referer);
  append_field(out, "user_agent", record.user_agent);
  if (!record.cmcd.empty()) out.append(",\"cmcd\":").append(record.cmcd);
  if (record.cmcd_malformed) out.append(",\"cmcd_malformed\":true");
  out.push_back('}');
  return out;
}

void AccessLines::add(const AccessRecord& record, int64_t now_ms) {
  if (lines_.empty()) due_ = now_ms + kFlushAfter;
  lines_.append(access_line(record)).push_back('\n');
  count_++;
  if (lines_.size() >= kFlushBytes) flush();
}

void AccessLines::flush() {
  if (lines_.empty()) return;
  if (!sink_.write(std::move(lines_))) counters_.access_log_dropped.add(count_);
  lines_.clear();
  count_ = 0;
}

}  // namespace sealgate
