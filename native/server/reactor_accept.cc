// Reactor, the part that accepts: as many connections at a time as there may be. At the limit a new one takes
// the place of one that has been idle; where none is, those who hold few take the last quarter from those who
// hold many (shares.h), and everybody else waits.
#include <poll.h>
#include <sys/epoll.h>

#include <utility>

#include "server/reactor.h"
#include "server/transport.h"

namespace sealgate {
namespace {

constexpr int kAcceptsAtOnce = 64;     // of one listener before connections have their turn
constexpr int64_t kAcceptPause = 100;  // milliseconds without accept(2) after EMFILE or ENOBUFS
// Milliseconds without a request, or without the end of the handshake, before a connection gives way to a new
// one: by then what was sent with the connection, or behind an answer, has arrived.
constexpr int64_t kIdleGivesWay = 1000;
// Connections that were accepted to see whose they are, and wait: those behind them in the kernel's queue may
// be of others.
constexpr size_t kLobby = 1024;
// Connections that are looked at to find one that gives way. Of those who hold many, three quarters are.
constexpr size_t kSample = 32;

}  // namespace

// The connection that has been idle, or in its handshake, longest ends as if its time were over. False when
// none has been for long; then it is looked for again soon.
bool Reactor::give_up_idle() {
  const Deadline* oldest = nullptr;
  int64_t ripe = now_ + kIdleGivesWay;
  for (const State state : {State::idle, State::handshake}) {
    const DeadlineList& list = deadlines_[static_cast<size_t>(state)];
    const Deadline* first = list.first();
    if (!first || first->at - list.length + kIdleGivesWay >= ripe) continue;
    oldest = first;
    ripe = first->at - list.length + kIdleGivesWay;
  }
  if (!oldest || ripe > now_) return look_for_idle_at_ = ripe, false;
  oldest->owner->on_deadline();
  return connections_.size() < options_.connections;
}

// Whether a connection that waits at the listener may be served.
bool Reactor::has_room(int listener) {
  if (connections_.size() < options_.connections) return true;
  pollfd waiting{listener, POLLIN, 0};
  if (::poll(&waiting, 1, 0) == 1) return give_up_idle();
  look_for_idle_at_ = now_ + kIdleGivesWay;
  return false;
}

// Bytes a millisecond, one more than there were: of those that moved none, the older ones are slower.
double Reactor::rate_of(const Transport& connection) const {
  const DeadlineList& list = deadlines_[static_cast<size_t>(connection.state())];
  const int64_t since = now_ - (connection.deadline.at - list.length);
  return static_cast<double>(connection.moved() + 1) / static_cast<double>(since + 1);
}

// For a client that holds few: of a sample, whoever holds most gives up the connection that moves least.
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

bool Reactor::accept_from(size_t listener) {
  for (int i = 0; i < kAcceptsAtOnce; i++) {
    const bool room = has_room(listeners_[listener].fd());
    if (!room && !connection_shares_.crowded()) return watch_listeners(false), false;
    Arrival arrival{{}, listener, {}};
    int error = 0;
    arrival.socket = listeners_[listener].accept(&arrival.peer, &error);
    if (!arrival.socket) {
      if ((error == EMFILE || error == ENFILE) && make_room()) continue;
      if (error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM) return false;
      // No descriptor or memory for it: without a pause the level-triggered listener would spin.
      accept_again_at_ = now_ + kAcceptPause;
      return watch_listeners(false), false;
    }
    counters_.accepted.add();
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

// Lets connections in that wait in the lobby, as far as there is room.
void Reactor::let_in() {
  while (!lobby_.empty() && (connections_.size() < options_.connections || give_up_idle())) {
    Arrival next = std::move(lobby_.front());
    lobby_.pop_front();
    serve(std::move(next));
  }
}

// Whoever has waited in the lobby as long as a handshake may take: its client has given up, or knows nothing
// of waiting and had better try elsewhere.
void Reactor::turn_away_late() {
  while (!lobby_.empty() && lobby_.front().until <= now_) {
    counters_.turned_away.add();
    lobby_.pop_front();
  }
}

void Reactor::serve(Arrival arrival) {
  auto& [socket, listener, peer, until] = arrival;
  auto tls = listeners_[listener].tls() ? tls_ : nullptr;
  auto connection =
      std::make_unique<Transport>(*this, std::move(socket), std::move(tls), listener, std::move(peer));
  epoll_event event{kDataEvents | kEndEvents, {.ptr = static_cast<EventTarget*>(connection.get())}};
  if (!connection->usable() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd(), &event) != 0)
    return;
  connection_shares_.take(connection->client());
  connection->index = connections_.size();
  connections_.push_back(std::move(connection));
}

}  // namespace sealgate
