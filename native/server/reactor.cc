#include "server/reactor.h"

#include <sys/epoll.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/json.h"
#include "server/exchange.h"
#include "server/transport.h"
#include "tls/ktls.h"

namespace sealgate {
namespace {

constexpr int kEvents = 256;  // taken from epoll_wait(2) at once
constexpr int kTurns = 2;     // rounds over ready connections before new events are read
// Kept plans evicted at a time when the process can open no more files.
constexpr size_t kPlansThatGiveWay = 64;

}  // namespace

const KtlsSupport& Engine::ktls() {
  static const KtlsSupport support(probe_ktls());
  return support;
}

// Never destroyed, because workers may outlive the main thread's static destructors.
Engine& Engine::instance() {
  static Engine* const engine = new Engine();
  return *engine;
}

// A listener as a target of epoll, like the connections; the mailbox's wake-up has none.
struct Reactor::Acceptor final : EventTarget {
  Acceptor(Reactor& r, size_t l) : reactor(r), listener(l) {}
  void on_events(uint32_t) override { reactor.accept_from(listener); }
  Reactor& reactor;
  size_t listener;
};

Reactor::Reactor(uint32_t id, ReactorOptions options, Engine& engine)
    : id_(id),
      options_(std::move(options)),
      engine_(engine),
      told_mounts_(table_of(options_.mounts)),
      forwarding_(options_.forwarding),
      rate_limits_(options_.rate_limits),
      plans_(options_.plan_cache_entries, options_.plan_cache_bytes, engine.epochs, answering_.now,
             counters_),
      grants_(engine.grants),
      access_lines_(engine.access_log, counters_),
      upload_places_(options_.uploads),
      application_turns_(options_.application_requests),
      connection_shares_(options_.connections) {
  guard_mounts();
  answering_.server = options_.server_name;
  use_limits();
}

void Reactor::use_limits() {
  const auto set = [this](State state, int64_t length) {
    deadlines_[static_cast<size_t>(state)].set_length(length);
  };
  set(State::proxy, options_.proxy_timeout);
  set(State::handshake, options_.handshake_timeout);
  set(State::idle, options_.idle_timeout);
  set(State::head, options_.head_timeout);
  set(State::waiting, options_.application_timeout);
  set(State::receiving, options_.stall_timeout);
  set(State::sending, options_.stall_timeout);
  set(State::lingering, options_.linger_timeout);
  answering_.max_ranges = options_.http.ranges;
  answering_.small_body = options_.small_body_bytes;
}

Reactor::~Reactor() = default;

std::unique_ptr<Reactor> Reactor::create(uint32_t id, ReactorOptions options, Engine& engine,
                                         std::string* failure) {
  // Not kept with the options: the reactor lets go of the sockets when it stops.
  const std::vector<ListenerOptions> listeners = std::exchange(options.listeners, {});
  std::unique_ptr<Reactor> reactor(new Reactor(id, std::move(options), engine));
  const ReactorOptions& given = reactor->options_;
  const bool any_tls = std::any_of(listeners.begin(), listeners.end(), [](const auto& l) { return l.tls; });
  if (any_tls) {
    reactor->tls_ = TlsContext::create(given.tls, failure);
    if (!reactor->tls_) return nullptr;
  }
  reactor->blobs_ = std::make_shared<const BlobFolder>(given.blobs);
  if (!given.blobs.empty() && !reactor->blobs_->usable()) {
    *failure = given.blobs + ": " + describe(Status::last("open"));
    return nullptr;
  }
  for (size_t i = 0; i < listeners.size(); i++) {
    for (const SharedSocket& socket : listeners[i].sockets)
      reactor->listeners_.emplace_back(socket, listeners[i], i);
  }
  if (const Status status = reactor->open(); !status.ok()) {
    *failure = describe(status);
    return nullptr;
  }
  return reactor;
}

Status Reactor::open() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return Status::last("epoll_create1");
  epoll_event wake{EPOLLIN, {.ptr = nullptr}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_->fd(), &wake) != 0) return Status::last("epoll_ctl");
  for (size_t i = 0; i < listeners_.size(); i++) {
    acceptors_.push_back(std::make_unique<Acceptor>(*this, i));
    if (const Status status = watch_listener(i, true); !status.ok()) return status;
    if (listeners_[i].others_accept()) look_at_shared_at_ = 0;
  }
  accepting_ = true;
  return {};
}

// --- called by other threads ---

void Reactor::answer(uint64_t request, Plan plan) {
  auto shared = std::make_shared<Plan>(std::move(plan));
  mailbox_->post([this, request, shared] {
    if (Exchange* const asked = tickets_.find(request)) return asked->on_answer(std::move(*shared));
    unheard_.erase(request);
    // The plan waits for the body of a client that has left. It is destroyed first, so that a file named
    // in it is free when the application hears of that.
    if (!std::holds_alternative<ReceivePlan>(*shared)) return;
    *shared = Plan();
    tell_application({id_, AbortedEvent{request}});
  });
}

bool Reactor::replace_tls(const TlsOptions& options, std::string* failure) {
  std::shared_ptr<const TlsContext> made = TlsContext::create(options, failure);
  if (made) mailbox_->post([this, made] { tls_ = made; });
  return made != nullptr;
}

std::shared_ptr<const MountTable> Reactor::table_of(std::vector<Mount> mounts) {
  std::set<SiteTotals*> of_players;  // sites may share a name, and with it their totals
  for (Mount& mount : mounts) {
    mount.totals = sites_.of(mount.name);
    if (mount.cmcd) of_players.insert(mount.totals);
  }
  for (const Mount& mount : mounts) {
    if (mount.totals) sites_.read_cmcd(*mount.totals, of_players.contains(mount.totals));
  }
  return std::make_shared<const MountTable>(std::move(mounts));
}

void Reactor::replace_mounts(std::vector<Mount> mounts) {
  mailbox_->post([this, made = table_of(std::move(mounts))] {
    told_mounts_ = made;
    guard_mounts();
    plans_.keep_those_of(*made);
  });
}

void Reactor::replace_forwarding(Forwarding forwarding) {
  mailbox_->post([this, forwarding = std::move(forwarding)] { forwarding_ = forwarding; });
}

void Reactor::replace_rate_limits(RateLimits limits) {
  mailbox_->post([this, limits = std::move(limits)] {
    rate_limits_ = limits;
    guard_mounts();
  });
}

void Reactor::replace_limits(const ReactorLimits& limits) {
  mailbox_->post([this, limits] {
    static_cast<ReactorLimits&>(options_) = limits;
    use_limits();
  });
}

void Reactor::drop_stale_plans() {
  mailbox_->post([this] { plans_.drop_stale(); });
}

void Reactor::list(size_t limit, std::function<void(std::vector<ConnectionInfo>)> to) const {
  mailbox_->post([this, limit, to = std::move(to)] {
    std::vector<ConnectionInfo> all;
    for (size_t i = 0; i < connections_.size() && i < limit; i++) all.push_back(connections_[i]->info());
    to(std::move(all));
  });
}

// --- the loop ---

void Reactor::run() {
  tick();
  epoll_event events[kEvents];
  while (!ending_ || !connections_.empty()) {
    const int n = ::epoll_wait(epoll_.get(), events, kEvents, ready_.empty() ? next_timeout() : 0);
    tick();
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr) {
        static_cast<EventTarget*>(events[i].data.ptr)->on_events(events[i].events);
      } else {
        mailbox_->run();
      }
    }
    run_ready();
    expire();
    free_closed();
    if (access_lines_.due() <= now_) access_lines_.flush();
  }
  access_lines_.flush();
}

void Reactor::tick() {
  now_ = monotonic_ms();
  answering_.tick(read_clock(CLOCK_REALTIME_COARSE).tv_sec);
}

int Reactor::next_timeout() const {
  int64_t soonest = INT64_MAX;
  for (const DeadlineList& list : deadlines_) {
    if (const Deadline* first = list.first()) soonest = std::min(soonest, first->at);
  }
  if (!lobby_.empty()) soonest = std::min(soonest, lobby_.front().until);
  if (ending_) soonest = std::min(soonest, stopping_ ? drain_until_ : idle_until_);
  for (const int64_t at : {accept_again_at_, look_for_idle_at_}) {
    if (at != 0) soonest = std::min(soonest, at);
  }
  soonest = std::min({soonest, access_lines_.due(), look_at_shared_at_, waiting_rooms_.due()});
  if (soonest == INT64_MAX) return -1;
  return static_cast<int>(std::clamp<int64_t>(soonest - now_ + 1, 0, 60'000));
}

void Reactor::expire() {
  for (DeadlineList& list : deadlines_) {
    for (Deadline* first = list.first(); first && first->at <= now_; first = list.first()) {
      first->disarm();
      first->owner->on_deadline();
    }
  }
  waiting_rooms_.expire(now_);
  turn_away_late();
  if (accept_again_at_ != 0 && now_ >= accept_again_at_) {
    accept_again_at_ = 0;
    watch_listeners(true);
  }
  if (look_for_idle_at_ != 0 && now_ >= look_for_idle_at_) {
    look_for_idle_at_ = 0;
    let_in();
    if (accept_again_at_ == 0) watch_listeners(true);
  }
  if (now_ >= look_at_shared_at_) look_at_shared();
  if (ending_ && !stopping_ && now_ >= idle_until_) begin_drain(grace_after_idle_);
  if (stopping_ && now_ >= drain_until_) {
    while (!connections_.empty()) connections_.back()->give_up();
  }
}

// Connections go on in the order in which they became ready, a few rounds at a time, so that a small
// request that arrives meanwhile does not wait for all large responses.
void Reactor::run_ready() {
  for (int turns = 0; turns < kTurns && !ready_.empty(); turns++) {
    Transport* const connection = ready_.front();
    ready_.pop_front();
    connection->in_ready = false;
    if (connection->state() != State::closed) connection->proceed();
  }
}

Status Reactor::watch_listener(size_t listener, bool accepting) {
  // Of the workers that wait for one socket the kernel wakes the first that sleeps, not all.
  epoll_event event{EPOLLIN | EPOLLEXCLUSIVE, {.ptr = static_cast<EventTarget*>(acceptors_[listener].get())}};
  const int change = accepting ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
  if (::epoll_ctl(epoll_.get(), change, listeners_[listener].fd(), &event) != 0)
    return Status::last("epoll_ctl");
  return {};
}

void Reactor::watch_listeners(bool accepting) {
  if (accepting_ == accepting || (accepting && ending_)) return;
  accepting_ = accepting;
  bool all = true;
  for (size_t i = 0; i < listeners_.size(); i++) all &= watch_listener(i, accepting).ok();
  if (accepting && !all) pause_accepting();
}

// A line in the format of src/log.ts; 50 is pino's number for an error.
void Reactor::log_error(std::string_view message, std::string_view request) {
  std::string line = R"({"level":50,"time":)";
  append_json(line, rfc3339(realtime_us()));
  append_json(line.append(R"(,"request":)"), request);
  append_json(line.append(R"(,"msg":)"), message);
  if (!engine_.log.write(line.append("}\n"))) engine_.log_dropped.fetch_add(1, std::memory_order_relaxed);
}

// --- called by connections ---

void Reactor::schedule(Deadline& deadline, State state) {
  if (state == State::closed) {
    deadline.disarm();
  } else {
    deadlines_[static_cast<size_t>(state)].arm(deadline, now_);
  }
}

void Reactor::watch(Transport& transport, bool data) {
  epoll_event event{data ? kDataEvents | kEndEvents : kEndEvents,
                    {.ptr = static_cast<EventTarget*>(&transport)}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, transport.fd(), &event);
}

void Reactor::make_ready(Transport& transport) {
  if (transport.in_ready) return;
  transport.in_ready = true;
  ready_.push_back(&transport);
}

bool Reactor::make_room() { return plans_.evict(kPlansThatGiveWay); }

void Reactor::retire(Transport& transport) {
  connection_shares_.leave(transport.client());
  const size_t index = transport.index;
  closed_.push_back(std::move(connections_[index]));
  if (index + 1 < connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index = index;
  }
  connections_.pop_back();
}

// Frees closed connections. Until here the events of this turn and the ready list may point to them.
void Reactor::free_closed() {
  if (closed_.empty()) return;
  std::erase_if(ready_, [](const Transport* connection) { return connection->state() == State::closed; });
  closed_.clear();
  let_in();
  if (!accepting_ && accept_again_at_ == 0) watch_listeners(true);
}

}  // namespace sealgate
