// Exchange, the part that reports: its counters and its line in the access log.
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "http/field_lines.h"
#include "server/exchange.h"
#include "server/site_totals.h"
#include "server/transport.h"
#include "server/url_signature.h"

namespace sealgate {
namespace {

std::string_view level_name(const OpenedPlan* plan) {
  if (!plan) return {};
  return seal_level_name(plan->file->level());
}

void read_fields(const Request& request, LogFields wanted, AccessRecord& record) {
  if (wanted.has(LogField::host)) record.host = request.field(Field::host);
  if (wanted.has(LogField::range)) record.range = request.field(Field::range);
  if (wanted.has(LogField::referer)) record.referer = first_value(request.head, "referer");
  if (wanted.has(LogField::user_agent)) record.user_agent = first_value(request.head, "user-agent");
}

// Statuses in the log for uploads that got no answer: 499, as other servers log a client that left, and
// 503, for a client whose connection was closed for another one before its body was received.
constexpr int kClientGone = 499, kGivenUp = 503;

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

[[gnu::noinline]] void count_cmcd(const Request& request, CmcdTotals& totals) {
  Cmcd said;
  if (said.read(request.target, request.head)) totals.add(said);
}

// A player names what it asks for next, which may be signed, and encodes that as part of a query.
std::string without_secrets(std::string_view value) {
  constexpr std::string_view kEncoded = "ignature%3";
  const size_t at = value.find(kEncoded);
  if (at != value.npos) return std::string(value.substr(0, at + kEncoded.size() + 1)).append("...");
  return without_signatures(value);
}

// What the player said, which is not told again in the target. `memory`: of the record.
void read_cmcd(const Request& request, AccessRecord& record, std::string& target, std::string& memory) {
  Cmcd said;
  if (!said.read(request.target, request.head)) return;
  target = without_cmcd(target);
  record.cmcd = memory = said.text(without_secrets);
  record.cmcd_malformed = said.malformed();
}

}  // namespace

bool Exchange::named_by_client() const {
  return transport_->names_requests() && !given_request_id(request_.head).empty();
}

// The id that a trusted proxy in front gave the request, else our own.
std::string Exchange::request_name() const {
  if (readable() && named_by_client()) return std::string(given_request_id(request_.head));
  return reactor_.request_ids().text(serial_);
}

// Clears the head time at the end: if trailers behind this request cannot be parsed, their refusal belongs
// to no request.
void Exchange::on_sent(int64_t now) {
  delivery_.count_response();
  Counters& counters = reactor_.mutable_counters();
  const KernelMoves& moves = transport_->moves();
  const uint64_t bytes = delivery_.bytes_sent();
  if (GroupTotals* const totals = moves.totals()) {
    totals->responses.add();
    totals->bytes.add(bytes);
    totals->received.add(body_bytes_);
  }
  if (moves.group() != Group::sentinel) {
    const size_t method = readable() ? static_cast<size_t>(request_.method) : HttpResponses::kUnread;
    counters.http_responses.add(method, delivery_.response().head.status, delivery_.path());
  }
  if (readable()) {
    ResponseTimes::Cell& times = counters.times.cell(moves.group(), moves.movable(), delivery_.path(), bytes);
    const Histogram::Observation first(first_byte_at_ - asked_at_);
    times.first_byte.add(first);
    const bool is_first = now == first_byte_at_ && asked_at_ == head_at_;
    times.completion.add(is_first ? first : Histogram::Observation(now - head_at_));
    if (site_) {
      site_->add(delivery_.response().head.status, bytes, body_bytes_);
      if (CmcdTotals* const totals = site_->cmcd.load(std::memory_order_acquire)) [[unlikely]]
        count_cmcd(request_, *totals);
    }
  }
  if (reactor_.access_lines().wanted()) log(now, false);
  transport_->add_sent(bytes);
  head_at_ = 0;
  body_bytes_ = 0;
}

void Exchange::on_cut() {
  if (GroupTotals* const totals = transport_->moves().totals())
    (cut_by_server_ || transport_->channel().at_fault() ? totals->cut_by_server : totals->cut_by_client)
        .add();
  if (readable() && site_) site_->cut.add();
  if (reactor_.access_lines().wanted()) log(monotonic_us(), true);
  head_at_ = 0;
  body_bytes_ = 0;
}

void Exchange::on_closed() {
  if (stage_ == Stage::sending) return on_cut();
  if (stage_ != Stage::receiving) return;
  // A client that was gone before its body had come may believe that it is stored.
  if (!transport_->given_up())
    reactor_.mutable_counters().uploads_lost.add();
  else if (!reactor_.stopping())
    reactor_.mutable_counters().uploads_displaced.add();
  if (reactor_.access_lines().wanted()) log(monotonic_us(), true);
}

void Exchange::log(int64_t now, bool cut) {
  const Channel& channel = transport_->channel();
  const KernelMoves& moves = transport_->moves();
  const int64_t began = readable() ? head_at_ : now;
  AccessRecord record;
  record.started = realtime_us() - (now - began);
  record.first_byte = first_byte_at_ != 0 ? first_byte_at_ - began : 0;
  record.duration = now - began;
  std::string client_memory;
  record.peer = client_address(client_memory);
  if (!client_memory.empty() && record.peer != transport_->peer()) record.via = transport_->peer();
  record.subject = channel.peer_subject();
  if (channel.cipher()) {
    record.protocol = channel.protocol() == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
    record.cipher = SSL_CIPHER_standard_name(channel.cipher());
    record.tx = moves.owner_or_reason(Direction::tx);
    record.rx = moves.owner_or_reason(Direction::rx);
    record.group = group_name(moves.group());
    record.resumed = channel.resumed();
  }
  if (moves.group() == Group::sentinel) record.group = group_name(moves.group());  // in the clear too
  std::string name, target, referer, cmcd;
  record.request = name = request_name();
  if (readable()) {
    record.method = request_.method_name;
    target = without_signatures(request_.target);
    if (site_ && site_->cmcd.load(std::memory_order_acquire)) read_cmcd(request_, record, target, cmcd);
    record.target = target;
    LogFields fields = reactor_.engine().access_fields.load(std::memory_order_relaxed);
    if (moves.group() == Group::sentinel) fields = {};  // its names let nobody else pass for it
    if (fields.has(LogField::http_version)) record.http_version = session_->http_version(*this);
    read_fields(request_, fields, record);
    if (fields.has(LogField::site)) record.site = reactor_.mounts().name_of(key_.mount);
    referer = without_signatures(record.referer);
    record.referer = referer;
    const std::string_view trace = first_value(request_.head, "traceparent");
    if (is_traceparent(trace)) record.trace = trace;
  }
  record.status = stage_ != Stage::receiving ? delivery_.response().head.status
                  : transport_->given_up()   ? kGivenUp
                                             : kClientGone;
  record.received = body_bytes_;
  record.sent = delivery_.bytes_sent();
  record.delivery = path_name(delivery_.path());
  if (admission_ == Admission::rate_limited) record.limit = key_memory_;
  record.seal = level_name(delivery_.response().plan.get());
  record.cut = cut;
  reactor_.access_lines().add(record, reactor_.now());
}

}  // namespace sealgate
