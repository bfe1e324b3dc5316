#include "server/transport.h"

#include <sys/epoll.h>

#include <utility>

#include "base/clock.h"
#include "server/http1_session.h"
#include "server/http2_session.h"
#include "server/opening_session.h"

namespace sealgate {

Transport::Transport(Reactor& reactor, Fd socket, std::shared_ptr<const TlsContext> tls,
                     const Listener& listener, std::string peer)
    : reactor_(reactor),
      channel_(std::move(socket), std::move(tls), reactor.options().ktls.records_per_key,
               reactor.record_buffers(), reactor.mutable_counters()),
      moves_(reactor, channel_, peer != kUnixPeer),
      state_(listener.proxied() ? State::proxy : first_state()),
      listener_(listener.number()),
      peer_(std::move(peer)),
      client_(client_at(peer_)),
      names_requests_(any_network_holds(reactor.options().request_ids.trust, peer_)),
      accepted_at_(monotonic_us()) {
  deadline.owner = this;
  reactor_.mutable_counters().connections[state_].add();
  reactor_.schedule(deadline, state_);
  if (channel_.is_tls()) {
    if (listener.http2()) channel_.offer_http2();
  } else if (listener.http2()) {
    session_ = std::make_unique<OpeningSession>(reactor_, *this);
  } else {
    session_ = std::make_unique<Http1Session>(reactor_, *this);
  }
}

Transport::~Transport() {
  deadline.disarm();
  reactor_.mutable_counters().connections[state_].sub();
}

void Transport::set_state(State state) {
  Counters& counters = reactor_.mutable_counters();
  counters.connections[state_].sub();
  counters.connections[state].add();
  state_ = state;
  if (state != State::receiving) hear_arrivals(true);
  reactor_.schedule(deadline, state);
}

void Transport::hear_arrivals(bool wanted) {
  if (std::exchange(hears_arrivals_, wanted) == wanted) return;
  reactor_.watch(*this, wanted);
}

// --- events ---

void Transport::on_events(uint32_t events) {
  if (state_ == State::closed) return;
  // An error is acted on when a read finds it: what arrived before it is still in the queue, and may be
  // the rest of an upload. But a client that only waits for a response is gone.
  if ((events & EPOLLERR) && session_ && !channel_.receives_by_kernel() && session_->only_delivers())
    return close();
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
    channel_.readable((events & (EPOLLRDHUP | EPOLLHUP)) != 0);
  // A response under way takes its turn behind the connections that are ready.
  if (state_ == State::sending) return reactor_.make_ready(*this);
  proceed();
}

void Transport::resume() {
  if (state_ == State::closed) return;
  if (!hears_arrivals_) channel_.readable(false);  // nobody was told meanwhile that bytes arrived
  proceed();
}

void Transport::proceed() {
  const int64_t sample = reactor_.cpu_samples().begin();
  const State began_in = state_;
  const bool open = state_ > State::handshake || step_opening();
  if (open && state_ < State::lingering) session_->proceed();
  if (state_ == State::lingering) step_linger();
  if (sample != 0) count_cpu(sample, began_in);
}

// System calls count as the thread's time, and with them what the kernel does there, such as encryption.
void Transport::count_cpu(int64_t began, State began_in) {
  const uint64_t spent = CpuSamples::end(began);
  Counters& counters = reactor_.mutable_counters();
  if (began_in <= State::handshake) return counters.cpu_handshake.add(spent);
  if (began_in == State::receiving) {
    counters.cpu_receive.add(spent);
  } else {
    // Until its first response a connection has not chosen a path.
    const bool unchosen = channel_.is_tls() && path_ == Path::plain_send;
    counters.cpu_path[unchosen ? Path::tls_send : path_].add(spent);
  }
  if (GroupTotals* const totals = moves_.totals()) totals->cpu.add(spent);
}

void Transport::on_deadline() {
  switch (state_) {
    case State::proxy: return refuse_proxy_header(ProxyOutcome::late);
    case State::handshake: reactor_.mutable_counters().handshakes_failed.add(); return close();
    case State::lingering:
    case State::closed: return close();
    default: session_->on_deadline();
  }
  if (state_ != State::closed) proceed();
}

void Transport::on_ending() {
  if (session_ && state_ < State::lingering) proceed();
}

void Transport::on_stopping() {
  if (!session_ || state_ == State::proxy || state_ >= State::lingering) return;
  session_->drain();
  proceed();
}

// --- before the first request ---

// True when the session can proceed.
bool Transport::step_opening() {
  if (state_ == State::proxy && !step_proxy_header()) return false;
  return state_ != State::handshake || step_handshake();
}

// True when the header has arrived, and what follows it can be read.
bool Transport::step_proxy_header() {
  static_assert(kMaxProxyHeader <= Reactor::kScratchBytes);
  bool ended = false;
  const size_t size = channel_.peek(reactor_.scratch(), kMaxProxyHeader, &ended);
  ProxyHeader header;
  switch (read_proxy_header({reactor_.scratch(), size}, &header)) {
    case ProxyReading::whole: break;
    case ProxyReading::partial:
      if (ended) refuse_proxy_header(ProxyOutcome::cut);
      return false;
    case ProxyReading::malformed: refuse_proxy_header(ProxyOutcome::malformed); return false;
  }
  channel_.skip(reactor_.scratch(), header.bytes);
  const bool names = !header.client.empty();
  reactor_.mutable_counters().proxy_headers[names ? ProxyOutcome::client : ProxyOutcome::own].add();
  if (names && !become(std::move(header.client))) return close(), false;
  set_state(first_state());
  return true;
}

void Transport::refuse_proxy_header(ProxyOutcome outcome) {
  reactor_.mutable_counters().proxy_headers[outcome].add();
  close();
}

// The connection is that of the client at this address. False: that has as many as it may have.
bool Transport::become(std::string peer) {
  if (!reactor_.take_place(peer, &place_)) return false;
  const size_t before = client_;
  peer_ = std::move(peer);
  client_ = client_at(peer_);
  names_requests_ = any_network_holds(reactor_.options().request_ids.trust, peer_);
  reactor_.change_client(before, client_);
  return true;
}

// True when the handshake is complete, and the session can proceed.
bool Transport::step_handshake() {
  Counters& counters = reactor_.mutable_counters();
  switch (channel_.handshake()) {
    case IoState::ok: break;
    case IoState::again: return false;
    default:
      counters.handshakes_failed.add();
      channel_.spoke_plaintext() ? refuse_plaintext() : close();
      return false;
  }
  counters.handshakes.add();
  counters.handshake_time.observe(monotonic_us() - accepted_at_);
  if (channel_.resumed()) counters.handshakes_resumed.add();
  const Suite suite = channel_.suite();
  moves_.join({peer_, channel_.server_name(), listener_, suite.version, suite.aead});
  if (channel_.speaks_http2()) {
    session_ = std::make_unique<Http2Session>(reactor_, *this);
  } else {
    session_ = std::make_unique<Http1Session>(reactor_, *this);
  }
  set_state(State::idle);
  return true;
}

void Transport::refuse_plaintext() {
  constexpr Problem kProblem = Problem::plaintext_on_tls;
  reactor_.mutable_counters().problems[kProblem].add();
  const RespondPlan& answer = reactor_.options().problems[static_cast<size_t>(kProblem)];
  Response response;
  build_respond(answer.status, answer.fields, answer.body, false, reactor_.answering(), response);
  std::string text;
  append_head(text, response.head, {.goes_on = false});
  text.append(response.memory);
  channel_.write_plaintext(text.data(), text.size());
  leave(true);
}

// --- the end ---

void Transport::leave(bool may_follow) {
  must_linger_ = may_follow || channel_.alerted();
  set_state(State::lingering);
}

// Our half is closed. If the client may still be sending, closing the other half at once would reset the
// connection, and the client could lose the answer or the alert (RFC 9112 9.6).
void Transport::step_linger() {
  if (channel_.finish_sending() == IoState::again) return;
  if (!must_linger_ || !channel_.discard(reactor_.scratch(), Reactor::kScratchBytes)) close();
}

void Transport::close() {
  if (state_ == State::closed) return;
  if (session_) session_->on_closed();
  moves_.count_fallbacks();
  place_.end();
  set_state(State::closed);
  reactor_.retire(*this);
}

void Transport::give_up() {
  given_up_ = true;
  close();
}

ConnectionInfo Transport::info() const {
  ConnectionInfo info;
  info.peer = peer_;
  info.server_name = channel_.server_name();
  info.listener = listener_;
  info.state = state_name(state_);
  info.age = static_cast<double>(monotonic_us() - accepted_at_) / 1e6;
  info.sent = sent_;
  if (session_) session_->describe(info);
  moves_.describe(info);
  return info;
}

}  // namespace sealgate
