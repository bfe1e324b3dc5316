// Connection, the part that tells about itself: the access log, and what operators see of it.
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/text.h"
#include "server/connection.h"

namespace sealgate {
namespace {

// The value of a field that the engine does not read otherwise; empty when it is absent.
std::string_view field_value(std::string_view head, std::string_view name) {
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != line.npos && same(line.substr(0, colon), name)) return trimmed(line.substr(colon + 1));
    if (end == head.npos) break;
    head.remove_prefix(end + 2);
  }
  return {};
}

std::string_view level_name(const DeliverPlan* plan) {
  if (!plan || !plan->file) return {};
  return plan->file->level() == SealLevel::l1 ? "L1" : "L0";
}

void read_fields(const Request& request, LogFields wanted, AccessRecord& record) {
  if (wanted.has(LogField::http_version)) record.http_version = request.http10 ? "1.0" : "1.1";
  if (wanted.has(LogField::host)) record.host = request.field(Field::host);
  if (wanted.has(LogField::range)) record.range = request.field(Field::range);
  if (wanted.has(LogField::referer)) record.referer = field_value(request.head, "referer");
  if (wanted.has(LogField::user_agent)) record.user_agent = field_value(request.head, "user-agent");
}

constexpr size_t kMaxRequestName = 128;
constexpr int kClientGone = 499;  // no answer was possible; the number that other servers log for it

bool is_request_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestName &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// W3C Trace Context 3.2: version, trace id, parent id, flags.
bool is_traceparent(std::string_view text) {
  constexpr std::string_view kShape = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
  if (text.size() != kShape.size()) return false;
  for (size_t i = 0; i < text.size(); i++) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (kShape[i] == 'h' ? !hex : text[i] != '-') return false;
  }
  return true;
}

}  // namespace

// The name that a proxy in front gave the request, else ours: unique in this process.
std::string Connection::request_name() const {
  const std::string_view given = field_value(http_.request().head, "x-request-id");
  if (is_request_name(given)) return std::string(given);
  return std::to_string(reactor_.id()) + "-" + std::to_string(request_serial_);
}

void Connection::log_response(int64_t now, bool cut) {
  AccessLines& lines = reactor_.access_lines();
  const int64_t head_at = std::exchange(head_at_, 0);
  const uint64_t received = std::exchange(body_bytes_, 0);
  const bool readable = std::exchange(logged_, false);
  if (!lines.wanted() || readable != (head_at != 0)) return;
  const int64_t began = readable ? head_at : now;
  AccessRecord record;
  record.started = realtime_us() - (now - began);
  record.first_byte = first_byte_at_ != 0 ? first_byte_at_ - began : 0;
  record.duration = now - began;
  record.peer = peer_;
  record.subject = channel_.peer_subject();
  if (channel_.cipher()) {
    record.protocol = channel_.protocol() == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
    record.cipher = SSL_CIPHER_standard_name(channel_.cipher());
    record.tx = channel_.sends_by_kernel() ? "kernel" : fallback_name(fallbacks_[0]);
    record.rx = channel_.receives_by_kernel() ? "kernel" : fallback_name(fallbacks_[1]);
    record.group = group_name(group_);
    record.resumed = channel_.resumed();
  }
  if (group_ == Group::sentinel) record.group = group_name(group_);  // in the clear too
  std::string name;
  if (readable) {
    const Request& request = http_.request();
    record.request = name = request_name();
    record.method = request.method_name;
    record.target = request.target;
    LogFields fields = reactor_.engine().access_fields.load(std::memory_order_relaxed);
    if (group_ == Group::sentinel) fields = {};  // its names let nobody else pass for it
    read_fields(request, fields, record);
    const std::string_view trace = field_value(request.head, "traceparent");
    if (is_traceparent(trace)) record.trace = trace;
  }
  record.status = state_ == State::receiving ? kClientGone : delivery_.response().status;
  record.received = received;
  record.sent = delivery_.bytes_sent();
  record.delivery = path_name(delivery_.path());
  record.seal = level_name(delivery_.response().plan.get());
  record.cut = cut;
  lines.add(record, reactor_.now());
}

ConnectionInfo Connection::info() const {
  ConnectionInfo info;
  info.peer = peer_;
  info.server_name = channel_.server_name();
  info.listener = listener_;
  info.state = state_name(state_);
  info.age = static_cast<double>(monotonic_us() - accepted_at_) / 1e6;
  info.received = body_bytes_;
  info.sent = sent_total_ + delivery_.bytes_sent();
  if (!handshake_done_) return info;
  info.group = group_name(group_);
  info.suite = channel_.suite().name();
  const bool kernel[] = {channel_.sends_by_kernel(), channel_.receives_by_kernel()};
  for (size_t i = 0; i < 2; i++) {
    info.owners[i] = kernel[i] ? "kernel" : "openssl";
    if (!kernel[i]) info.reasons[i] = fallback_name(fallbacks_[i]);
  }
  if (kernel[0] || kernel[1]) (void)channel_.modes(&info.modes);
  info.key_budget_used = channel_.key_budget_used();
  return info;
}

}  // namespace sealgate
