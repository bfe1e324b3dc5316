#include "server/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace sealgate {

Connection::Connection(Reactor& reactor, Fd socket, std::shared_ptr<const TlsContext> tls, size_t listener,
                       std::string peer)
    : reactor_(reactor),
      channel_(std::move(socket), std::move(tls), reactor.options().ktls.records_per_key,
               reactor.record_buffers(), reactor.mutable_counters()),
      http_(reactor.options().http),
      state_(channel_.is_tls() ? State::handshake : State::idle),
      listener_(listener),
      peer_(std::move(peer)),
      client_(client_at(peer_)),
      accepted_at_(monotonic_us()) {
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
  if (state != State::receiving) hear_arrivals(true);
  progress_mark_ = progress();
  reactor_.schedule(*this, state);
}

// --- what wakes it
// -----------------------------------------------------------------------------------------------

void Connection::on_events(uint32_t events) {
  if (state_ == State::closed) return;
  // An error is believed when reading comes to it: what arrived before is in the queue still, and may be the
  // whole of an upload. Who was to be delivered to is gone, though, and waits for nothing.
  if ((events & EPOLLERR) && state_ == State::waiting && !channel_.receives_by_kernel() && only_reads())
    return close();
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    channel_.readable((events & (EPOLLRDHUP | EPOLLHUP)) != 0);
  // A response under way goes on behind what has just arrived.
  if (state_ == State::sending) return reactor_.make_ready(*this);
  proceed();
}

void Connection::proceed() {
  const int64_t sample = reactor_.cpu_samples().begin();
  const State began_in = state_;
  turn_responses_ = turn_bytes_ = 0;
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
  if (sample != 0) count_cpu(sample, began_in);
}

// What the kernel does in system calls, encryption and decryption among it, is the thread's time too.
void Connection::count_cpu(int64_t began, State began_in) {
  const uint64_t spent = CpuSamples::end(began);
  Counters& counters = reactor_.mutable_counters();
  if (began_in == State::handshake) return counters.cpu_handshake.add(spent);
  if (began_in == State::receiving) {
    counters.cpu_receive.add(spent);
  } else {
    // Before the first response of a connection its path is not chosen yet.
    const bool unchosen = channel_.is_tls() && delivery_.path() == Path::plain_send;
    counters.cpu_path[unchosen ? Path::tls_send : delivery_.path()].add(spent);
  }
  if (totals_) totals_->cpu.add(spent);
}

// The reactor's scratch serves the next connection: what of it is still needed moves here. So does what the
// request under way says, which stands there or in what was kept before.
void Connection::keep_unread() {
  if (state_ == State::sending && head_at_ != 0) http_.retain();
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

IoState Connection::read_more() { return read_into({reactor_.scratch(), RecordBuffers::kHeadBytes}); }

IoState Connection::read_into(std::span<char> buffer) {
  const IoResult result = channel_.read(buffer.data(), buffer.size());
  if (result.state == IoState::ok) unread_ = std::string_view(buffer.data(), result.bytes);
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

// Whether the peer took or gave bytes at the minimum rate since this was last asked. What the kernel took
// from us says little about a slow reader: it makes room in steps of a third of its buffer.
bool Connection::made_progress() {
  const uint64_t total = progress() - std::min(progress(), channel_.unacknowledged());
  const auto window = static_cast<uint64_t>(reactor_.options().stall_timeout);
  const bool enough = total >= progress_mark_ + reactor_.options().min_rate * window / 1000;
  progress_mark_ = total;
  return enough;
}

void Connection::on_deadline() {
  switch (state_) {
    case State::head: refuse_and_close(Problem::head_timeout); break;
    case State::waiting:
      release_ingest();
      forget_request();
      reactor_.forget(std::exchange(io_ticket_, 0));
      refuse_and_close(Problem::front_end_overloaded);
      break;
    case State::receiving:
      // While the disk has not caught up, the client is not to blame.
      if (ingest_->room().empty() || !body_pending() || made_progress())
        return reactor_.schedule(*this, state_);
      end_ingest();
      refuse_and_close(Problem::body_timeout);
      break;
    case State::sending:
      if (io_ticket_ != 0 || made_progress()) return reactor_.schedule(*this, state_);
      reactor_.mutable_counters().write_stalls.add();
      return close();
    case State::idle: leave(); break;
    case State::handshake: reactor_.mutable_counters().handshakes_failed.add(); return close();
    default: return close();
  }
  proceed();
}

// --- handshake
// ---------------------------------------------------------------------------------------------------

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
  counters.handshake_time.observe(monotonic_us() - accepted_at_);
  if (channel_.resumed()) counters.handshakes_resumed.add();
  join_group();
  set_state(State::idle);
  return true;
}

// --- request heads
// -----------------------------------------------------------------------------------------------

bool Connection::step_head() {
  if (unread_.empty()) {
    switch (read_more()) {
      case IoState::ok: break;
      case IoState::again:
        if (!reactor_.stopping() || state_ != State::idle) return false;
        leave();
        return true;
      default:
        leave();  // the client's close_notify is answered with ours
        return true;
    }
  }
  const Http1::Step step = http_.next(unread_.data(), unread_.size());
  unread_.remove_prefix(step.consumed);
  switch (step.event) {
    case Http1::Event::more:
      if (state_ == State::idle && !http_.idle()) set_state(State::head);
      return true;
    case Http1::Event::head: on_head(); return true;
    case Http1::Event::failed: refuse_and_close(step.problem); return true;
    default: return true;
  }
}

void Connection::on_head() {
  const Request& request = http_.request();
  Counters& counters = reactor_.mutable_counters();
  counters.requests.add();
  message_open_ = true;
  if (request.has_body && unread_.empty()) channel_.acknowledge_now();
  head_at_ = monotonic_us();
  proved_again_ = false;
  if (request_serial_ == 0 && !channel_.is_tls()) know_sentinel();
  request_serial_ = reactor_.next_serial();
  logged_ = reactor_.access_lines().wanted();
  if (!only_reads()) return ask_application();
  // No plan is kept under a target with a query, and most targets have none: it is not looked for at first.
  const auto* plan = reactor_.plans().find(plan_key(request.target));
  if (!plan && request.target.find('?') != request.target.npos) plan = reactor_.plans().find(plan_key());
  if (plan) {
    counters.plan_hits.add();
    return deliver(*plan, Sealed::earlier);
  }
  ask_application();
}

// In the clear there is no handshake that names it: its first request does.
void Connection::know_sentinel() {
  const std::string_view host = http_.request().field(Field::host);
  if (!host.empty() && host == reactor_.engine().rollout.load()->sentinel_control) group_ = Group::sentinel;
}

// Plans that deliver ignore the query, and no other is kept: whoever appends one to an object's URL finds the
// plan that is there. What answers by its query, a listing, has a path of its own that ends in a slash, and
// no plan to deliver.
std::string_view Connection::plan_key() {
  const std::string_view target = http_.request().target;
  return plan_key(target.substr(0, target.find('?')));
}

// With the values of the fields that plans depend on.
std::string_view Connection::plan_key(std::string_view path) {
  const Request& request = http_.request();
  const auto& fields = reactor_.options().plan_key_fields;
  if (fields.empty()) return path;
  key_.assign(path);
  for (const std::string& field : fields) {
    key_.push_back('\n');
    if (field == "authorization") key_.append(request.field(Field::authorization));
    if (field == "host") key_.append(request.field(Field::host));
  }
  return key_;
}

void Connection::ask_application() {
  const Request& request = http_.request();
  reactor_.mutable_counters().plan_misses.add();
  set_state(State::waiting);
  http_.retain();
  request_id_ = reactor_.ticket(*this);
  reactor_.ask_application(
      *this, {reactor_.id(), RequestEvent{request_id_, std::string(request.method_name),
                                          std::string(request.target), std::string(request.head),
                                          request.has_body, channel_.peer_subject(), request_name()}});
}

void Connection::on_answer(Plan plan) {
  if (state_ != State::waiting) return;
  if (at_application_) {
    reactor_.mutable_counters().front_end_time.observe(monotonic_us() - head_at_);
    reactor_.application_answered(client_);
  }
  at_application_ = false;
  if (auto* receive_plan = std::get_if<ReceivePlan>(&plan); receive_plan && !ingest_) {
    receive(*receive_plan);
    return proceed();
  }
  release_ingest();
  forget_request();
  if (auto* order = std::get_if<DeliverOrder>(&plan)) {
    carry_out(std::move(*order));
  } else if (auto* respond_plan = std::get_if<RespondPlan>(&plan)) {
    respond(*respond_plan);
  }
  proceed();
}

// --- the end
// -----------------------------------------------------------------------------------------------------

void Connection::leave() {
  must_linger_ = must_linger_ || body_pending() || channel_.alerted();
  unread_ = body_left_ = {};
  set_state(State::lingering);
}

// Our half is closed. Where the client may still be sending, closing the other at once would reset the
// connection and take the answer or the alert with it (RFC 9112 9.6).
bool Connection::step_linger() {
  if (channel_.finish_sending() == IoState::again) return false;
  if (!must_linger_ || !channel_.discard(reactor_.scratch(), Reactor::kScratchBytes)) close();
  return false;
}

void Connection::count_cut() {
  if (totals_)
    (cut_by_server_ || channel_.at_fault() ? totals_->cut_by_server : totals_->cut_by_client).add();
  log_response(monotonic_us(), true);
}

void Connection::forget_request() {
  if (at_application_) reactor_.application_answered(client_);
  at_application_ = false;
  reactor_.forget(std::exchange(request_id_, 0));
}

void Connection::close() {
  if (state_ == State::closed) return;
  if (state_ == State::receiving) lose_upload();
  if (state_ == State::sending) count_cut();
  release_ingest();
  forget_request();
  reactor_.forget(std::exchange(io_ticket_, 0));
  count_fallbacks();
  set_state(State::closed);
  reactor_.retire(*this);
}

}  // namespace sealgate
