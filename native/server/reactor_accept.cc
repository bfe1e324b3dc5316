// Reactor, the part that accepts connections, up to their limit. At the limit a new connection takes the
// place of an idle one. When none is idle, clients with few connections take places from clients with many
// (the last quarter, shares.h), and all others wait.
#include <poll.h>
#include <sys/epoll.h>

#include <utility>

#include "server/reactor.h"
#include "server/transport.h"

namespace sealgate {
namespace {

constexpr int kAcceptsAtOnce = 64;     // connections accepted from a listener before others have their turn
constexpr int64_t kAcceptPause = 100;  // milliseconds to wait after accept(2) failed with EMFILE or ENOBUFS
// Milliseconds without a request, or without the end of the handshake, after which a connection may be
// closed for a new one. By then what was sent with the connection, or after an answer, has arrived.
constexpr int64_t kIdleGivesWay = 1000;
// Connections that wait accepted. They are accepted although there is no room, because those behind them
// in the kernel's queue may come from other clients.
constexpr size_t kLobby = 1024;
// Connections that are sampled to find one to close. At that point clients with many connections hold
// three quarters of them.
constexpr size_t kSample = 32;
// Milliseconds. A connection wakes one of the workers that share a socket. Should that one be unable to
// accept it, the others find it when they look by themselves, or when the next one comes.
constexpr int64_t kLookAtShared = 1000;

}  // namespace

// Ends the connection that has been idle, or before its first request, longest, as if it had timed out. False
// when none has been so for long enough; another search then waits.
bool Reactor::give_up_idle() {
  const Deadline* oldest = nullptr;
  int64_t ripe = now_ + kIdleGivesWay;
  for (const State state : {State::idle, State::handshake, State::proxy}) {
    const DeadlineList& list = deadlines_[static_cast<size_t>(state)];
    const Deadline* first = list.first();
    if (!first || first->at - list.length() + kIdleGivesWay >= ripe) continue;
    oldest = first;
    ripe = first->at - list.length() + kIdleGivesWay;
  }
  if (!oldest || ripe > now_) return look_for_idle_at_ = ripe, false;
  oldest->owner->on_deadline();
  if (connections_.size() < options_.connections) return true;
  look_for_idle_at_ = now_ + kIdleGivesWay;  // that one stays
  return false;
}

// Whether a connection that waits at the listener can be served.
bool Reactor::has_room(int listener) {
  if (connections_.size() < options_.connections) return true;
  pollfd waiting{listener, POLLIN, 0};
  if (::poll(&waiting, 1, 0) == 1) return give_up_idle();
  look_for_idle_at_ = now_ + kIdleGivesWay;
  return false;
}

// Bytes moved per millisecond. One is added, so that of connections that moved none the older is slower.
double Reactor::rate_of(const Transport& connection) const {
  const DeadlineList& list = deadlines_[static_cast<size_t>(connection.state())];
  const int64_t since = now_ - (connection.deadline.at - list.length());
  return static_cast<double>(connection.moved() + 1) / static_cast<double>(since + 1);
}

// Makes room for a client with few connections: of a sample, the client with most connections loses the
// one that moves fewest bytes.
bool Reactor::make_way(size_t client) {
  if (!connection_shares_.crowded() || !connection_shares_.holds_few(client)) return false;
  Transport* chosen = nullptr;
  size_t most = 0;
  double least = 0;
  const size_t all = connections_.size();
  for (size_t i = 0; i < kSample && i < all; i++) {
    Transport& each = *connections_[all <= kSample ? i : random_() % all];
    const size_t held = connection_shares_.held(each.client());
    const double rate = rate_of(each);
    if (connection_shares_.holds_few(each.client()) || held < most) continue;
    if (held == most && rate >= least) continue;
    chosen = &each, most = held, least = rate;
  }
  if (!chosen) return false;
  counters_.displaced.add();
  chosen->give_up();
  return true;
}

void Reactor::pause_accepting() {
  accept_again_at_ = now_ + kAcceptPause;
  watch_listeners(false);
}

void Reactor::look_at_shared() {
  look_at_shared_at_ = ending_ ? INT64_MAX : now_ + kLookAtShared;
  for (size_t i = 0; i < listeners_.size() && accepting_; i++) {
    if (listeners_[i].others_accept()) accept_from(i);
  }
}

bool Reactor::accept_from(size_t listener) {
  const bool others = listeners_[listener].others_accept();
  // Who has accepted goes to the end of the kernel's list of those to wake, so that they take turns.
  if (others && accepting_ && !stopping_) {
    (void)watch_listener(listener, false);
    if (!watch_listener(listener, true).ok()) pause_accepting();
  }
  for (int i = 0; i < (others ? 1 : kAcceptsAtOnce); i++) {
    const bool room = has_room(listeners_[listener].fd());
    if (!room && !connection_shares_.crowded()) return watch_listeners(false), false;
    Arrival arrival{{}, listener, {}, {}};
    int error = 0;
    arrival.socket = listeners_[listener].accept(&arrival.peer, &error);
    if (!arrival.socket) {
      if ((error == EMFILE || error == ENFILE) && make_room()) continue;
      if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return false;
      // There is no descriptor or memory for the connection: without a pause the level-triggered listener
      // would spin.
      return pause_accepting(), false;
    }
    counters_.accepted.add();
    // Whose it is on other listeners is told by its header.
    if (!listeners_[listener].proxied() && !take_place(arrival.peer, &arrival.place)) continue;
    if (room || make_way(client_at(arrival.peer))) {
      serve(std::move(arrival));
    } else if (lobby_.size() < kLobby) {
      arrival.until = now_ + options_.handshake_timeout;
      lobby_.push_back(std::move(arrival));
    } else {
      counters_.turned_away.add();
    }
  }
  return true;
}

bool Reactor::take_place(const std::string& peer, ConnectionCounts::Place* out) {
  const size_t most = rate_limits_.connections();
  if (most == 0 || peer == kUnixPeer || any_network_holds(forwarding_.proxies, peer)) return true;
  *out = engine_.connections.take(client_at(peer), most);
  if (!*out) counters_.over_limit.add();
  return static_cast<bool>(*out);
}

// Serves connections from the lobby while there is room.
void Reactor::let_in() {
  while (!lobby_.empty() && (connections_.size() < options_.connections || give_up_idle())) {
    Arrival next = std::move(lobby_.front());
    lobby_.pop_front();
    serve(std::move(next));
  }
}

// Closes connections that have waited in the lobby as long as a handshake may take: by then the client has
// given up, or should try elsewhere.
void Reactor::turn_away_late() {
  while (!lobby_.empty() && lobby_.front().until <= now_) {
    counters_.turned_away.add();
    lobby_.pop_front();
  }
}

void Reactor::serve(Arrival arrival) {
  auto& [socket, listener, peer, place, until] = arrival;
  const Listener& from = listeners_[listener];
  if (from.proxied() && !any_network_holds(from.proxies(), peer))
    return counters_.proxy_headers[ProxyOutcome::stranger].add();
  auto tls = from.tls() ? tls_ : nullptr;
  auto connection =
      std::make_unique<Transport>(*this, std::move(socket), std::move(tls), from, std::move(peer));
  connection->hold(std::move(place));
  epoll_event event{kDataEvents | kEndEvents, {.ptr = static_cast<EventTarget*>(connection.get())}};
  if (!connection->usable() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), &event) != 0)
    return;
  connection_shares_.take(connection->client());
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
}

}  // namespace sealgate
