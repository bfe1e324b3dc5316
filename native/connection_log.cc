// Connection, the part that writes the access log.
#include <openssl/ssl.h>

#include "clock.h"
#include "connection.h"
#include "text.h"

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
  if (!plan) return {};
  return plan->file->level() == SealLevel::l1 ? "L1" : "L0";
}

}  // namespace

void Connection::log_response(bool cut) {
  AccessLines& lines = reactor_.access_lines();
  if (!lines.wanted()) return;
  const int64_t now = realtime_us();
  AccessRecord record;
  record.started = head_at_ != 0 ? head_at_ : now;
  record.first_byte = answer_at_ != 0 ? answer_at_ - record.started : 0;
  record.duration = now - record.started;
  record.peer = peer_;
  record.subject = channel_.peer_subject();
  if (channel_.cipher()) {
    record.protocol = channel_.protocol() == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
    record.cipher = SSL_CIPHER_standard_name(channel_.cipher());
    record.tx = channel_.sends_by_kernel() ? "kernel" : fallback_name(fallback_tx_);
    record.rx = channel_.receives_by_kernel() ? "kernel" : fallback_name(fallback_rx_);
    record.resumed = channel_.resumed();
  }
  if (head_at_ != 0) {
    const Request& request = http_.request();
    record.method = request.method_name;
    record.target = request.target;
    record.user_agent = field_value(request.head, "user-agent");
  }
  record.status = delivery_.response().status;
  record.received = body_bytes_;
  record.sent = delivery_.bytes_sent();
  record.path = path_name(delivery_.path());
  record.seal = level_name(delivery_.response().plan.get());
  record.cut = cut;
  lines.add(record, reactor_.now());
  head_at_ = answer_at_ = 0;
  body_bytes_ = 0;
}

}  // namespace sealgate
