#include "connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace sealgate {
namespace {

constexpr size_t kTurnResponses = 64;      // pipelined requests answered before others have their turn
constexpr size_t kAsideBytes = 16 * 1024;  // read while a response is leaving; beyond it the client waits
constexpr uint64_t kBodyShare = 512 * 1024;   // bytes of one body received before others have their turn
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kProblemType = "Content-Type: application/problem+json\r\n";

double monotonic_seconds() {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

}  // namespace

Connection::Connection(Reactor& reactor, Fd socket, const TlsContext* tls, size_t listener, std::string peer)
    : reactor_(reactor),
      channel_(std::move(socket), tls, reactor.mutable_counters()),
      http_(reactor.options().http),
      state_(tls ? State::handshake : State::idle),
      listener_(listener),
      peer_(std::move(peer)),
      fallback_(reactor.options().ktls ? Fallback::too_short : Fallback::off) {
  deadline.owner = this;
  reactor_.mutable_counters().connections[state_].add();
  reactor_.schedule(*this, state_);
}

Connection::~Connection() {
  deadline.disarm();
  reactor_.mutable_counters().connections[state_].sub();
}

void Connection::set_state(State state) {
  Counters& counters = reactor_.mutable_counters();
  counters.connections[state_].sub();
  counters.connections[state].add();
  state_ = state;
  progress_mark_ = progress();
  reactor_.schedule(*this, state);
}

// --- what wakes it -----------------------------------------------------------------------------------------------

void Connection::on_events(uint32_t events) {
  if (state_ == State::closed) return;
  if (events & EPOLLERR) return close();
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) channel_.readable((events & (EPOLLRDHUP | EPOLLHUP)) != 0);
  proceed();
}

void Connection::proceed() {
  turn_responses_ = 0;
  bool go = true;
  while (go) {
    switch (state_) {
      case State::handshake: go = step_handshake(); break;
      case State::idle:
      case State::head: go = step_head(); break;
      case State::receiving: go = step_receive(); break;
      case State::sending: go = step_send(); break;
      case State::lingering: go = step_linger(); break;
      case State::waiting:
      case State::closed:
      case State::count_: go = false;
    }
  }
  keep_unread();
}

// The reactor's scratch serves the next connection: what of it is still needed moves here.
void Connection::keep_unread() {
  if (unread_.empty() && body_left_.empty()) {
    if (!kept_.empty()) kept_ = std::string();
    return;
  }
  std::string kept;
  kept.reserve(body_left_.size() + unread_.size());
  kept.append(body_left_).append(unread_);
  kept_ = std::move(kept);
  body_left_ = std::string_view(kept_).substr(0, body_left_.size());
  unread_ = std::string_view(kept_).substr(body_left_.size());
}

IoState Connection::read_more() {
  const IoResult result = channel_.read(reactor_.scratch(), Reactor::kScratchBytes);
  if (result.state == IoState::ok) unread_ = std::string_view(reactor_.scratch(), result.bytes);
  return result.state;
}

void Connection::on_stopping() {
  if (state_ != State::idle || !unread_.empty()) return;
  leave();
  proceed();
}

uint64_t Connection::progress() const {
  return sent_total_ + delivery_.bytes_sent() + (ingest_ ? ingest_->received() : 0);
}

// Whether the peer took or gave bytes at the minimum rate since this was last asked.
bool Connection::made_progress() {
  const uint64_t total = progress();
  const auto window = static_cast<uint64_t>(reactor_.options().stall_timeout);
  const bool enough = total - progress_mark_ >= reactor_.options().min_rate * window / 1000;
  progress_mark_ = total;
  return enough;
}

void Connection::on_deadline() {
  switch (state_) {
    case State::head:
      refuse_and_close(Problem::head_timeout);
      break;
    case State::waiting:
      release_ingest();
      forget_request();
      refuse_and_close(Problem::front_end_overloaded);
      break;
    case State::receiving:
      // While the disk has not caught up, the client is not to blame.
      if (!body_left_.empty() || !body_pending() || made_progress()) return reactor_.schedule(*this, state_);
      end_ingest();
      refuse_and_close(Problem::body_timeout);
      break;
    case State::sending:
      if (io_ticket_ != 0 || made_progress()) return reactor_.schedule(*this, state_);
      reactor_.mutable_counters().write_stalls.add();
      return close();
    case State::idle:
      leave();
      break;
    default:
      return close();
  }
  proceed();
}

// --- handshake ---------------------------------------------------------------------------------------------------

bool Connection::step_handshake() {
  Counters& counters = reactor_.mutable_counters();
  switch (channel_.handshake()) {
    case IoState::ok: break;
    case IoState::again: return false;
    default:
      counters.handshakes_failed.add();
      if (!channel_.spoke_plaintext()) return close(), false;
      refuse_and_close(Problem::plaintext_on_tls);
      return true;
  }
  handshake_done_ = true;
  counters.handshakes.add();
  if (channel_.resumed()) counters.handshakes_resumed.add();
  set_state(State::idle);
  return true;
}

// --- request heads -----------------------------------------------------------------------------------------------

bool Connection::step_head() {
  if (unread_.empty()) {
    switch (read_more()) {
      case IoState::ok: break;
      case IoState::again:
        if (!reactor_.stopping() || state_ != State::idle) return false;
        leave();
        return true;
      default:
        leave();   // the client's close_notify is answered with ours
        return true;
    }
  }
  const Http1::Step step = http_.next(unread_.data(), unread_.size());
  unread_.remove_prefix(step.consumed);
  switch (step.event) {
    case Http1::Event::more:
      if (state_ == State::idle && !http_.idle()) set_state(State::head);
      return true;
    case Http1::Event::head:
      on_head();
      return true;
    case Http1::Event::failed:
      refuse_and_close(step.problem);
      return true;
    default:
      return true;
  }
}

void Connection::on_head() {
  const Request& request = http_.request();
  Counters& counters = reactor_.mutable_counters();
  counters.requests.add();
  message_open_ = true;
  if (request.method != Method::get && request.method != Method::head) return ask_front_end();
  if (const auto* plan = reactor_.plans().find(plan_key())) {
    counters.plan_hits.add();
    return deliver(*plan);
  }
  ask_front_end();
}

// The request target, and the values of the fields that plans depend on.
std::string_view Connection::plan_key() {
  const Request& request = http_.request();
  const auto& fields = reactor_.options().plan_key_fields;
  if (fields.empty()) return request.target;
  key_.assign(request.target);
  for (const std::string& field : fields) {
    key_.push_back('\n');
    if (field == "authorization") key_.append(request.field(Field::authorization));
    if (field == "host") key_.append(request.field(Field::host));
  }
  return key_;
}

void Connection::ask_front_end() {
  const Request& request = http_.request();
  reactor_.mutable_counters().plan_misses.add();
  set_state(State::waiting);
  http_.retain();
  request_id_ = reactor_.ticket(*this);
  reactor_.ask_front_end({reactor_.id(),
                          RequestEvent{request_id_, listener_, std::string(request.method_name),
                                       std::string(request.target), std::string(request.head), request.has_body,
                                       request.chunked ? -1 : static_cast<int64_t>(request.content_length), peer_,
                                       monotonic_seconds()}});
}

void Connection::on_answer(Plan plan) {
  if (state_ != State::waiting) return;
  if (in_front_end_) reactor_.front_end_answered();
  in_front_end_ = false;
  if (auto* receive_plan = std::get_if<ReceivePlan>(&plan); receive_plan && !ingest_) {
    receive(*receive_plan);
    return proceed();
  }
  release_ingest();
  forget_request();
  if (auto* deliver_plan = std::get_if<std::shared_ptr<const DeliverPlan>>(&plan)) {
    if ((*deliver_plan)->cacheable) reactor_.plans().insert(plan_key(), *deliver_plan);
    deliver(std::move(*deliver_plan));
  } else if (auto* respond_plan = std::get_if<RespondPlan>(&plan)) {
    respond(*respond_plan);
  }
  proceed();
}

// --- answers -----------------------------------------------------------------------------------------------------

void Connection::deliver(std::shared_ptr<const DeliverPlan> plan) {
  const Request& request = http_.request();
  const Answering& answering = reactor_.answering();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = request.keep_alive && !request.has_body && !reactor_.stopping();
  bool built = false, broken = false;
  if (response.keep_alive) {
    if (const WholeResponse* whole = whole_response(request, *plan, answering, &built, &broken)) {
      response.pieces.push_back({Piece::Of::whole, 0, whole->bytes.size()});
      response.plan = std::move(plan);
      if (built) reactor_.plans().grew(plan_key());
      return start_sending();
    }
  }
  const SealBreak reason = broken ? SealBreak::evidence : plan->file->recheck();
  if (reason != SealBreak::none) return report_broken(*plan, reason), refuse(Problem::seal_broken);
  const uint64_t size = plan->file->size();
  const Problem problem = build_delivery(request, std::move(plan), answering, response);
  if (problem == Problem::range_unsatisfiable) {
    return refuse(problem, "Content-Range: bytes */" + std::to_string(size) + "\r\n");
  }
  if (problem != Problem::none) return refuse(problem);
  start_sending();
}

void Connection::respond(const RespondPlan& plan) {
  const Request& request = http_.request();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = request.keep_alive && !reactor_.stopping() && !body_pending();
  build_respond(plan.status, plan.fields, plan.body, request.method == Method::head, reactor_.answering(), response);
  start_sending();
}

void Connection::refuse(Problem problem, std::string_view fields) {
  reactor_.mutable_counters().problems[problem].add();
  const ProblemAnswer& answer = reactor_.options().problems[static_cast<size_t>(problem)];
  RespondPlan plan{answer.status, std::string(kProblemType), answer.body};
  plan.fields.append(fields);
  respond(plan);
}

// What the client sends from here on cannot be understood, or is not wanted.
void Connection::refuse_and_close(Problem problem) {
  const ProblemAnswer& answer = reactor_.options().problems[static_cast<size_t>(problem)];
  reactor_.mutable_counters().problems[problem].add();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = false;
  build_respond(answer.status, kProblemType, answer.body, false, reactor_.answering(), response);
  must_linger_ = true;
  if (problem == Problem::plaintext_on_tls) {
    channel_.write_plaintext(response.text.data(), response.text.size());
    return leave();
  }
  start_sending();
}

void Connection::report_broken(const DeliverPlan& plan, SealBreak reason) {
  reactor_.mutable_counters().seal_broken.add();
  reactor_.plans().erase(plan_key());
  reactor_.tell_front_end({reactor_.id(), BrokenEvent{plan.file->digest(), reason}});
}

void Connection::move_to_kernel() {
  if (!channel_.is_tls() || channel_.in_kernel() || !reactor_.options().ktls) return;
  if (fallback_ != Fallback::too_short && fallback_ != Fallback::pending_data) return;   // decided before
  uint64_t length = 0;
  for (const Piece& piece : delivery_.response().pieces) length += piece.length;
  if (length < reactor_.options().ktls_min_bytes) return;
  fallback_ = channel_.to_kernel(reactor_.engine().ktls());
}

void Connection::start_sending() {
  move_to_kernel();
  delivery_.start(channel_);
  set_state(State::sending);
}

bool Connection::step_send() {
  if (io_ticket_ != 0) return read_aside(), false;   // the disk is being read
  switch (delivery_.pump(channel_, reactor_.mutable_counters())) {
    case Delivery::Progress::done: return response_sent();
    case Delivery::Progress::socket_full: read_aside(); return false;
    case Delivery::Progress::wants_disk: wait_for_disk(); return false;
    case Delivery::Progress::fair_share:
      read_aside();
      reactor_.make_ready(*this);
      return false;
    case Delivery::Progress::seal_broken:
      report_broken(*delivery_.response().plan, delivery_.response().plan->file->recheck());
      break;
    case Delivery::Progress::read_failed:
      reactor_.mutable_counters().problems[Problem::store_read_failed].add();
      break;
    case Delivery::Progress::cut: break;
  }
  // The head has promised more bytes than can be sent: without close_notify the client sees a cut, not an end.
  close();
  return false;
}

// While the kernel sends, OpenSSL must still see what the client says: a KeyUpdate is answered before the next
// data, and a client that has gone is noticed. Requests that come early are kept for later.
void Connection::read_aside() {
  if (!channel_.in_kernel()) return;
  keep_unread();
  while (state_ != State::closed && kept_.size() < kAsideBytes) {
    const IoResult result = channel_.read(reactor_.scratch(), Reactor::kScratchBytes);
    if (result.state == IoState::failed) return close();
    if (result.state != IoState::ok) return;
    const size_t body = body_left_.size();
    kept_.append(reactor_.scratch(), result.bytes);
    body_left_ = std::string_view(kept_).substr(0, body);
    unread_ = std::string_view(kept_).substr(body);
  }
}

void Connection::wait_for_disk() {
  reactor_.mutable_counters().cold_reads.add();
  io_ticket_ = reactor_.ticket(*this);
  Reactor& reactor = reactor_;
  reactor_.engine().io.submit([&reactor, mailbox = reactor_.mailbox(), ticket = io_ticket_,
                               read = delivery_.disk_read()] {
    read->run();
    mailbox->post([&reactor, ticket] {
      if (Connection* connection = reactor.find(ticket)) connection->on_disk_read();
    });
  });
}

void Connection::on_disk_read() {
  reactor_.forget(std::exchange(io_ticket_, 0));
  delivery_.disk_done();
  proceed();
}

// The response has left. Whether the connection goes on is decided here and nowhere else.
bool Connection::response_sent() {
  reactor_.mutable_counters().responses[delivery_.path()].add();
  sent_total_ += delivery_.bytes_sent();
  const bool keep_alive = delivery_.response().keep_alive && !channel_.must_end();
  delivery_.reset();
  if (!keep_alive) return leave(), true;
  while (message_open_) {
    const Http1::Step step = http_.next(unread_.data(), unread_.size());
    unread_.remove_prefix(step.consumed);
    if (step.event == Http1::Event::failed) return refuse_and_close(step.problem), true;
    if (step.event != Http1::Event::complete) return leave(), true;
    message_open_ = false;
  }
  set_state(State::idle);
  if (++turn_responses_ < kTurnResponses) return true;
  reactor_.make_ready(*this);
  return false;
}

// --- request bodies ----------------------------------------------------------------------------------------------

void Connection::receive(const ReceivePlan& plan) {
  const Request& request = http_.request();
  max_body_ = plan.max_size;
  const bool too_large = !request.chunked && request.content_length > max_body_;
  if (too_large || !reactor_.take_upload_place()) {
    reactor_.tell_front_end({reactor_.id(), AbortedEvent{request_id_}});
    forget_request();
    return refuse(too_large ? Problem::body_too_large : Problem::front_end_overloaded);
  }
  if (request.expect_continue && unread_.empty() &&
      channel_.write(kContinue.data(), kContinue.size(), false).state != IoState::ok) {
    return close();
  }
  io_ticket_ = reactor_.ticket(*this);
  Reactor& reactor = reactor_;
  const auto wake = [&reactor, mailbox = reactor_.mailbox(), ticket = io_ticket_] {
    mailbox->post([&reactor, ticket] {
      if (Connection* connection = reactor.find(ticket)) connection->on_ingest();
    });
  };
  ingest_ = Ingest::start(reactor_.engine().io, plan.staging, wake);
  set_state(State::receiving);
  if (!body_pending()) ingest_->finish();   // a request without body framing has an empty body
}

bool Connection::step_receive() {
  uint64_t share = kBodyShare;
  while (state_ == State::receiving) {
    if (!body_left_.empty()) {
      const size_t taken = ingest_->append(body_left_);
      reactor_.mutable_counters().received_bytes.add(taken);
      share -= std::min<uint64_t>(share, taken);
      body_left_.remove_prefix(taken);
      if (!body_left_.empty()) return false;   // on_ingest() tells when there is room
    }
    if (!body_pending()) return false;   // all of it is being stored
    if (share == 0) return reactor_.make_ready(*this), false;
    if (unread_.empty()) {
      const IoState read = read_more();
      if (read == IoState::again) return false;
      if (read != IoState::ok) return close(), false;
    }
    take_body(http_.next(unread_.data(), unread_.size()));
  }
  return true;
}

void Connection::take_body(const Http1::Step& step) {
  unread_.remove_prefix(step.consumed);
  switch (step.event) {
    case Http1::Event::body:
      if (step.body.size() > max_body_ - ingest_->received()) {
        end_ingest();
        return refuse_and_close(Problem::body_too_large);
      }
      body_left_ = step.body;
      return;
    case Http1::Event::complete:
      message_open_ = false;
      return ingest_->finish();
    case Http1::Event::failed:
      end_ingest();
      return refuse_and_close(step.problem);
    default: return;
  }
}

void Connection::on_ingest() {
  if (!ingest_->settle()) return;
  if (!ingest_->failure().ok()) {
    const int error = ingest_->failure().error;
    end_ingest();
    refuse_and_close(error == ENOSPC || error == EDQUOT ? Problem::store_full : Problem::store_write_failed);
  } else if (ingest_->stored()) {
    const StagingFile& staged = ingest_->staging();
    reactor_.mutable_counters().uploads.add();
    set_state(State::waiting);
    reactor_.tell_front_end(
        {reactor_.id(), ReceivedEvent{request_id_, staged.digest(), staged.path(), staged.size()}});
  }
  proceed();
}

void Connection::release_ingest() {
  if (!ingest_) return;
  ingest_.reset();
  reactor_.forget(std::exchange(io_ticket_, 0));
  reactor_.leave_upload_place();
}

// The body is of no more use: nothing of it stays in the store.
void Connection::end_ingest() {
  reactor_.mutable_counters().uploads_aborted.add();
  reactor_.tell_front_end({reactor_.id(), AbortedEvent{request_id_}});
  ingest_->abort();
  release_ingest();
  forget_request();
  body_left_ = {};
}

// --- the end -----------------------------------------------------------------------------------------------------

void Connection::leave() {
  must_linger_ = must_linger_ || body_pending();
  unread_ = body_left_ = {};
  set_state(State::lingering);
}

// Our half is closed. Where the client may still be sending, closing the other at once would reset the connection
// and take the answer with it (RFC 9112 9.6).
bool Connection::step_linger() {
  if (channel_.finish_sending() == IoState::again) return false;
  if (!must_linger_ || !channel_.discard(reactor_.scratch(), Reactor::kScratchBytes)) close();
  return false;
}

void Connection::forget_request() {
  if (in_front_end_) reactor_.front_end_answered();
  in_front_end_ = false;
  reactor_.forget(std::exchange(request_id_, 0));
}

void Connection::close() {
  if (state_ == State::closed) return;
  if (state_ == State::receiving) end_ingest();
  release_ingest();
  forget_request();
  reactor_.forget(std::exchange(io_ticket_, 0));
  if (handshake_done_ && !channel_.in_kernel()) reactor_.mutable_counters().fallbacks[fallback_].add();
  if (channel_.must_end()) reactor_.mutable_counters().fallbacks[Fallback::rekey_unsupported].add();
  set_state(State::closed);
  reactor_.bury(*this);
}

}  // namespace sealgate
