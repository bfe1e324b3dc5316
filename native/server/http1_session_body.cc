// Http1Session, the part that receives the body of a request into its sink.
#include <algorithm>

#include "server/http1_response.h"
#include "server/http1_session.h"

namespace sealgate {
namespace {

// Bytes of one body that are received before others have their turn.
constexpr uint64_t kBodyShare = 512 * 1024;
// Bytes of a body that are thrown away once its request is answered: more than a segment of ten seconds has.
constexpr uint64_t kMostDiscarded = 64 * 1024 * 1024;
constexpr size_t kDirectBytes = 32 * 1024;                               // more than one record
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";  // RFC 9110 10.1.1

}  // namespace

void Http1Session::receive(Exchange& exchange, const ResponseFields& interim) {
  transport_.set_state(State::receiving);
  const Request& request = exchange.request();
  interims_.clear();
  // A client of HTTP/1.0 knows no interim responses (RFC 9110 15.2).
  if (!interim.empty() && !request.http10) append_head(interims_, InterimHead(104, interim), {});
  if (request.expect_continue && unread_.empty()) interims_.append(kContinue);
  interim_ = interims_;
  // A request without body framing has an empty body.
  if (!exchange.body_pending()) exchange.on_body_end();
}

// Sends an interim response, which goes before everything else. False: it waits for the socket, or the
// connection is closed.
bool Http1Session::send_interim() {
  while (!interim_.empty()) {
    Channel& channel = transport_.channel();
    const IoResult result = channel.write(interim_.data(), interim_.size(), false);
    if (result.state == IoState::failed) {
      if (!channel.deaf()) return transport_.close(), false;
      interim_ = {};  // a client that does not read it may still have sent its body
      return true;
    }
    if (result.state != IoState::ok) return false;
    interim_.remove_prefix(result.bytes);
  }
  return true;
}

bool Http1Session::step_receive() {
  if (discarding_) return step_discard();
  if (!send_interim()) return false;
  // Sends records that an earlier full socket held back, since no response may follow soon.
  Channel& channel = transport_.channel();
  if (channel.flush() == IoState::failed && !channel.deaf()) return transport_.close(), false;
  uint64_t share = kBodyShare;
  while (transport_.state() == State::receiving) {
    if (!body_left_.empty()) {
      const size_t taken = exchange_->take_body(body_left_);
      share -= std::min<uint64_t>(share, taken);
      body_left_.remove_prefix(taken);
      if (!body_left_.empty()) return transport_.hear_arrivals(false), false;  // until the sink has room
    }
    if (!exchange_->body_pending()) return false;  // the whole body arrived and is being stored
    if (share == 0) return reactor_.make_ready(transport_), false;
    // The parser runs even without further bytes, because it reports the end of a body separately.
    const Http1::Step step = http_.next(unread_.data(), unread_.size(), exchange_->request());
    take_body(step);
    if (step.event != Http1::Event::more) continue;
    const IoState read = read_body();
    if (read == IoState::again) {
      if (!exchange_->sink()->waits()) {
        transport_.hear_arrivals(true);
        channel.acknowledge_now();
        exchange_->sink()->pass_on();
      }
      return false;
    }
    if (read != IoState::ok) return transport_.close(), false;
  }
  return true;
}

// A body of known length is received directly into the sink's buffer. What may be smaller than a record,
// the end of a buffer or of a body, is received into the scratch buffer, as are chunked bodies.
IoState Http1Session::read_body() {
  const Request& request = exchange_->request();
  BodySink& sink = *exchange_->sink();
  if (sink.waits()) return transport_.hear_arrivals(false), IoState::again;
  const std::span<char> room = sink.room();
  const uint64_t left = request.chunked ? 0 : request.content_length - sink.received();
  if (left >= kDirectBytes && room.size() >= kDirectBytes)
    return read_into(room.first(std::min<uint64_t>(room.size(), left)));
  return read_into({reactor_.scratch(), std::clamp(room.size(), kDirectBytes, Reactor::kScratchBytes)});
}

void Http1Session::take_body(const Http1::Step& step) {
  unread_.remove_prefix(step.consumed);
  const BodySink& sink = *exchange_->sink();
  switch (step.event) {
    case Http1::Event::body:
      if (step.body.size() > sink.most_bytes() - sink.received())
        return exchange_->refuse_rest(Problem::body_too_large);
      body_left_ = step.body;
      return;
    case Http1::Event::complete: message_open_ = false; return exchange_->on_body_end();
    case Http1::Event::failed: return exchange_->refuse_and_close(step.problem);
    default: return;
  }
}

// --- of a request that was answered before its body had come ---

// An encoder may not survive that its connection ends. Whoever waits for 100 (Continue) has not sent its body
// and does not say whether it will.
bool Http1Session::may_discard_rest(Exchange& exchange) const {
  const Request& request = exchange.request();
  if (!exchange.is_from_encoder()) return false;
  if (request.expect_continue && exchange.received() == 0 && unread_.empty()) return false;
  return request.chunked || request.content_length - exchange.received() <= kMostDiscarded;
}

void Http1Session::discard_rest(const Http1::Step& begun) {
  if (begun.event == Http1::Event::failed) return leave();  // it has its answer
  body_left_ = {};
  discarding_ = true;
  discard_left_ = kMostDiscarded - std::min<uint64_t>(begun.body.size(), kMostDiscarded);
  transport_.set_state(State::receiving);  // which bounds the time for all of it
}

bool Http1Session::step_discard() {
  uint64_t share = kBodyShare;
  while (message_open_) {
    if (share == 0) return reactor_.make_ready(transport_), false;
    const Http1::Step step = http_.next(unread_.data(), unread_.size(), exchange_->request());
    unread_.remove_prefix(step.consumed);
    switch (step.event) {
      case Http1::Event::body:
        if (step.body.size() > discard_left_) return leave(), false;
        discard_left_ -= step.body.size();
        share -= std::min<uint64_t>(share, step.body.size());
        break;
      case Http1::Event::complete: message_open_ = false; break;
      case Http1::Event::more:
        switch (read_into({reactor_.scratch(), kDirectBytes})) {
          case IoState::ok: break;
          case IoState::again: return transport_.channel().acknowledge_now(), false;
          default: return leave(), false;
        }
        break;
      default: return leave(), false;
    }
  }
  discarding_ = false;
  exchange_.reset();
  transport_.set_state(State::idle);
  return true;
}

}  // namespace sealgate
