#include "server/http1_session.h"

#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace sealgate {
namespace {

// How much a connection is answered before others have their turn. A client that is quick, or pipelines,
// has its next request there as soon as the last is answered.
constexpr uint32_t kTurnResponses = 64;
constexpr uint64_t kTurnBytes = 64 * 1024;
// For how long an encoder may send nothing, milliseconds.
constexpr int64_t kEncoderIdle = 3'600'000;
// Bytes read while a response is being sent; beyond that the client waits.
constexpr size_t kAsideBytes = 16 * 1024;

}  // namespace

void Http1Session::proceed() {
  turn_responses_ = 0;
  turn_bytes_ = 0;
  bool go = true;
  while (go) {
    switch (transport_.state()) {
      case State::idle:
      case State::head: go = step_head(); break;
      case State::receiving: go = step_receive(); break;
      case State::sending: go = step_send(); break;
      default: go = false;
    }
  }
  if (!unread_.empty() || !body_left_.empty() || !kept_.empty()) keep_unread();
}

void Http1Session::on_deadline() {
  switch (transport_.state()) {
    case State::idle: return encoder_may_wait() ? transport_.extend_deadline() : leave();
    case State::head: return exchange_->refuse_and_close(Problem::head_timeout);
    case State::waiting:
      if (exchange_->waits_for_growth()) return transport_.extend_deadline();
      return exchange_->refuse_rest(Problem::application_overloaded);
    case State::receiving:
      if (discarding_) return leave();
      // While the disk falls behind, the body timeout is not for the client to answer for.
      if (!exchange_->sink()->waits() && exchange_->body_pending() && !exchange_->made_progress())
        return exchange_->refuse_and_close(Problem::body_timeout);
      return transport_.extend_deadline();
    case State::sending:
      if (exchange_->waits_for_bytes() || exchange_->made_progress()) return transport_.extend_deadline();
      reactor_.mutable_counters().write_stalls.add();
      return transport_.close();
    default: return;
  }
}

bool Http1Session::only_delivers() const {
  return transport_.state() == State::waiting && exchange_->request().only_reads();
}

void Http1Session::on_closed() {
  if (!exchange_) return;
  if (!discarding_) exchange_->on_closed();
  unread_ = body_left_ = {};
  exchange_.reset();
}

void Http1Session::describe(ConnectionInfo& info) const {
  if (!exchange_) return;
  info.received = exchange_->received();
  info.sent += exchange_->delivery().bytes_sent();
}

void Http1Session::drain() {
  if (transport_.state() == State::idle && idle() && !is_kept(encoder_)) transport_.leave(false);
}

std::string_view Http1Session::http_version(const Exchange& exchange) const {
  return exchange.request().http10 ? "1.0" : "1.1";
}

// --- what its exchange asks for ---

void Http1Session::wait(Exchange&) { transport_.set_state(State::waiting); }

void Http1Session::respond(Exchange& exchange) {
  Delivery& delivery = exchange.delivery();
  Response& response = delivery.response();
  std::string& text = delivery.head();
  text.clear();
  const bool http10 = exchange.readable() && exchange.request().http10;
  // An HTTP/1.0 client knows no chunks: the end of the connection is that of the body (RFC 9112 6.3).
  const bool unknown_length = delivery.has_unknown_length();
  const bool goes_on = may_go_on(exchange) && !(unknown_length && http10);
  const bool chunked = unknown_length && !http10;
  if (chunked) delivery.send_in_chunks();
  append_head(text, response.head, {goes_on, http10, reactor_.options().idle_timeout, chunked});
  // A body in memory leaves with its head in one piece.
  if (response.body.size() == 1 && response.body[0].kind == BodySource::Kind::memory) {
    text.append(response.memory);
    response.body.clear();
  }
  send(exchange, text, goes_on);
}

bool Http1Session::keep(Exchange& exchange) {
  if (!may_go_on(exchange)) return false;
  const Response& response = exchange.delivery().response();
  response.plan->answer = keep_answer(response, reactor_.answering());
  return true;
}

bool Http1Session::repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) {
  auto& answer = static_cast<Http1Answer&>(*plan->answer);
  if (reactor_.winding_down() || !answer.renew(plan->plan, reactor_.answering())) return false;
  if (answer.number != 0) exchange.write_number(answer.text.data() + answer.number);
  Response& response = exchange.delivery().response();
  response.head.status = 200;
  if (!answer.has_body) response.body.push_back({BodySource::Kind::sealed_file, 0, plan->file->size()});
  response.plan = std::move(plan);
  send(exchange, answer.text, true);
  return true;
}

// Whoever may not upload here is no encoder.
inline bool Http1Session::is_from_encoder(Exchange& exchange) const {
  if (!exchange.is_from_encoder()) [[likely]]
    return false;
  const int status = exchange.delivery().response().head.status;
  return status != 401 && status != 403;
}

bool Http1Session::may_go_on(Exchange& exchange) const {
  return exchange.readable() && exchange.request().keep_alive && !exchange.ends_connection() &&
         (!exchange.body_pending() || may_discard_rest(exchange)) &&
         (!reactor_.winding_down() || is_kept(is_from_encoder(exchange)));
}

// An encoder may have nothing to send for a while, and dies of a connection that is closed meanwhile.
bool Http1Session::encoder_may_wait() {
  const int64_t idle = ++idle_times_ * reactor_.options().idle_timeout;
  return encoder_ && idle < kEncoderIdle && (!reactor_.winding_down() || is_kept(encoder_));
}

void Http1Session::send(Exchange& exchange, std::string_view head, bool goes_on) {
  goes_on_ = goes_on;
  encoder_ = is_from_encoder(exchange);
  idle_times_ = 0;
  if (exchange.ends_connection()) unread_ = body_left_ = {};
  Channel& channel = transport_.channel();
  if (exchange.readable() && !exchange.request().has_body) channel.send_tickets();
  const uint64_t size = head.size() + exchange.delivery().response().body_size();
  transport_.moves().before(Direction::tx, size);
  if (transport_.moves().spares_copies()) {
    const Response& response = exchange.delivery().response();
    if (response.body_in_file() > 0 && response.plan->file->held_by_kernel()) channel.send_without_copies();
  }
  exchange.start_sending(channel, transport_.sent(), head);
  transport_.set_path(exchange.delivery().path());
  queued_ = size <= kTurnBytes;
  transport_.set_state(State::sending);
}

void Http1Session::resume(Exchange&) { transport_.resume(); }

void Http1Session::wake(Exchange&) {
  transport_.extend_deadline();
  reactor_.make_ready(transport_);
}

// --- request heads ---

bool Http1Session::step_head() {
  if (unread_.empty()) {
    switch (read_into({reactor_.scratch(), RecordBuffers::kHeadBytes})) {
      case IoState::ok: break;
      case IoState::again:
        if (!reactor_.stopping() || transport_.state() != State::idle || is_kept(encoder_)) return false;
        return leave(), false;
      default: return leave(), false;  // answers the client's close_notify with ours
    }
  }
  if (!exchange_) exchange_ = reactor_.exchanges().take(*this, transport_);
  const Http1::Step step = http_.next(unread_.data(), unread_.size(), exchange_->request());
  unread_.remove_prefix(step.consumed);
  switch (step.event) {
    case Http1::Event::more:
      if (http_.idle()) {
        exchange_.reset();  // empty lines do not begin a request
      } else if (transport_.state() == State::idle) {
        transport_.set_state(State::head);
      }
      return true;
    case Http1::Event::head: return on_head(), true;
    case Http1::Event::failed: return exchange_->refuse_and_close(step.problem), true;
    default: return true;
  }
}

void Http1Session::on_head() {
  const Request& request = exchange_->request();
  message_open_ = true;
  if (request.has_body && unread_.empty()) transport_.channel().acknowledge_now();
  if (!std::exchange(had_request_, true) && !transport_.channel().is_tls())
    transport_.moves().know_sentinel(request.field(Field::host));
  exchange_->on_head();
}

// Moves unread bytes out of the reactor's scratch buffer, which serves the next connection.
void Http1Session::keep_unread() {
  if (unread_.empty() && body_left_.empty()) {
    if (!kept_.empty()) free_memory(kept_);
    return;
  }
  std::string kept;
  kept.reserve(body_left_.size() + unread_.size());
  kept.append(body_left_).append(unread_);
  kept_ = std::move(kept);
  body_left_ = std::string_view(kept_).substr(0, body_left_.size());
  unread_ = std::string_view(kept_).substr(body_left_.size());
}

// --- responses ---

bool Http1Session::step_send() {
  if (exchange_->waits_for_disk()) return read_aside(), false;
  if (!send_interim()) return false;
  if (!std::exchange(queued_, true)) {
    own_head();
    return reactor_.make_ready(transport_), false;
  }
  Delivery& delivery = exchange_->delivery();
  const Delivery::Progress progress = delivery.pump(transport_.channel(), reactor_.record_buffers());
  const int64_t now = exchange_->time_first_byte();
  switch (progress) {
    case Delivery::Progress::done: return response_sent(now != 0 ? now : monotonic_us());
    case Delivery::Progress::caught_up:
      if (!exchange_->wait_for_growth()) return true;
      read_aside();
      return false;
    case Delivery::Progress::socket_full:
      own_head();
      read_aside();
      return false;
    case Delivery::Progress::wants_disk:
      own_head();
      exchange_->read_from_disk();
      return false;
    case Delivery::Progress::fair_share:
      own_head();
      read_aside();
      reactor_.make_ready(transport_);
      return false;
    case Delivery::Progress::seal_broken: exchange_->on_broken(); break;
    case Delivery::Progress::read_failed: exchange_->on_unreadable(); break;
    case Delivery::Progress::upload_failed: exchange_->on_upload_failed(); break;
    case Delivery::Progress::cut: return response_unheard();
  }
  // The head promised more bytes than can be sent. Without a close_notify the client sees a cut
  // connection, and not a complete response.
  transport_.close();
  return false;
}

// The text that is kept with a plan is rewritten for the next request, so what of that may change is copied
// for a response that waits.
void Http1Session::own_head() {
  Delivery& delivery = exchange_->delivery();
  const OpenedPlan* const plan = delivery.response().plan.get();
  if (!plan || !plan->answer) return;
  const auto& answer = static_cast<const Http1Answer&>(*plan->answer);
  delivery.own_head(answer.text.data(), answer.common);
}

// Reads while a response is being sent, so that a KeyUpdate is answered before the next data and a client
// that has left is noticed. Requests that arrive are kept for later.
void Http1Session::read_aside() {
  if (!transport_.channel().reads_aside()) return;
  keep_unread();
  while (kept_.size() < kAsideBytes) {
    const IoResult result = transport_.read({reactor_.scratch(), RecordBuffers::kHeadBytes});
    if (result.state == IoState::failed) return transport_.close();
    if (result.state != IoState::ok) return;
    const size_t body = body_left_.size();
    kept_.append(reactor_.scratch(), result.bytes);
    body_left_ = std::string_view(kept_).substr(0, body);
    unread_ = std::string_view(kept_).substr(body);
  }
}

// The response was sent. Decides, here and nowhere else, whether the connection goes on.
bool Http1Session::response_sent(int64_t now) {
  const bool must_end = transport_.channel().must_end() != Fallback::none;
  const bool goes_on = goes_on_ && !must_end;
  turn_bytes_ += exchange_->delivery().bytes_sent();
  exchange_->on_sent(now);
  if (!goes_on) {
    // The client does not know that the connection ends, and may still send requests or KeyUpdates.
    may_follow_ = may_follow_ || must_end || exchange_->request().keep_alive;
    return leave(), false;
  }
  if (!end_of_message()) return true;
  if (++turn_responses_ < kTurnResponses && turn_bytes_ < kTurnBytes) return true;
  reactor_.make_ready(transport_);
  return false;
}

// The response could not be sent. If the client has left but had sent further requests before, uploads
// perhaps, these are carried out.
bool Http1Session::response_unheard() {
  if (!transport_.channel().deaf() || !goes_on_) return transport_.close(), false;
  exchange_->on_cut();
  if (end_of_message()) reactor_.make_ready(transport_);
  return transport_.state() != State::idle;
}

// Parses the rest of the message that was answered. False when no further message follows on the
// connection, or not yet.
bool Http1Session::end_of_message() {
  while (message_open_) {
    const Http1::Step step = http_.next(unread_.data(), unread_.size(), exchange_->request());
    unread_.remove_prefix(step.consumed);
    if (step.event != Http1::Event::complete && exchange_->body_pending()) return discard_rest(step), false;
    if (step.event == Http1::Event::failed) return exchange_->refuse_and_close(step.problem), false;
    if (step.event != Http1::Event::complete) return leave(), false;
    message_open_ = false;
  }
  exchange_.reset();
  transport_.set_state(State::idle);
  return true;
}

void Http1Session::leave() {
  const bool may_follow = exchange_ && (exchange_->ends_connection() || exchange_->body_pending());
  unread_ = body_left_ = {};
  exchange_.reset();
  transport_.leave(may_follow || may_follow_);
}

}  // namespace sealgate
