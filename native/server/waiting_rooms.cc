#include "server/waiting_rooms.h"

#include <algorithm>
#include <utility>

#include "server/credentials.h"
#include "server/exchange.h"
#include "server/reactor.h"

namespace sealgate {
namespace {

// Answers in one turn of the loop, so that others have theirs.
constexpr size_t kAtOnce = 128;

}  // namespace

struct WaitingRooms::Sharing {
  Answer answer;
  Grant grant;
  std::vector<uint64_t> to;  // tickets
  size_t done = 0;
};

WaitingRooms::Place WaitingRooms::join(const PlanKey& key, const Held& held, uint64_t ticket, size_t client) {
  const auto found = index_.find(key);
  if (found == index_.end() || !has_place(client)) return {};
  Room& room = rooms_.at(found->second);
  if (!held.has(room.plan.grant)) return {};
  return sit(found->second, room, ticket, client);
}

WaitingRooms::Place WaitingRooms::enter(const PlanKey& key, WaitPlan plan, uint64_t ticket, size_t client) {
  if (!has_place(client)) return {};
  if (const auto found = index_.find(key); found != index_.end()) {
    Room& room = rooms_.at(found->second);
    // What one may read for another reason than those in there need not be what they get.
    if (room.plan.grant != plan.grant) return {};
    return sit(found->second, room, ticket, client);
  }
  const uint64_t id = ++last_;
  Room& room = rooms_[id];
  room.text = key.text;
  room.key = {key.mount, key.codings, room.text};
  room.plan = std::move(plan);
  room.door = ticket;
  index_.emplace(room.key, id);
  return sit(id, room, ticket, client);
}

WaitingRooms::Place WaitingRooms::sit(uint64_t id, Room& room, uint64_t ticket, size_t client) {
  const int64_t until = reactor_.now() + room.plan.patience;
  room.waiting.emplace(ticket, until);
  due_ = std::min(due_, until);
  shares_.take(client);
  taken_++;
  Counters& counters = reactor_.mutable_counters();
  counters.waits.add();
  counters.waiting.add();
  return {*this, {id, ticket, client}};
}

bool WaitingRooms::has_place(size_t client) const {
  return taken_ < kMost && (!Shares::in_last_quarter(taken_, kMost) || shares_.holds_few(client));
}

void WaitingRooms::leave(const Seat& seat) {
  shares_.leave(seat.client);
  taken_--;
  reactor_.mutable_counters().waiting.sub();
  const auto found = rooms_.find(seat.room);
  if (found == rooms_.end() || found->second.waiting.erase(seat.ticket) == 0) return;
  look_at_door(seat.room, found->second);
}

// Whoever stood there is followed by the one that has waited for longest.
void WaitingRooms::look_at_door(uint64_t id, Room& room) {
  if (room.waiting.empty()) return close(id);
  if (room.waiting.contains(room.door)) return;
  room.door = room.waiting.begin()->first;
  if (Exchange* const next = reactor_.tickets().find(room.door)) next->on_door();
}

void WaitingRooms::close(uint64_t id) {
  const auto found = rooms_.find(id);
  index_.erase(found->second.key);
  rooms_.erase(found);
}

const WaitingRooms::Room* WaitingRooms::room_of(const Seat& seat) const {
  const auto found = rooms_.find(seat.room);
  return found == rooms_.end() ? nullptr : &found->second;
}

bool WaitingRooms::at_door(const Seat& seat) const {
  const Room* const room = room_of(seat);
  return room && room->door == seat.ticket;
}

std::shared_ptr<GrowingFile> WaitingRooms::awaited(const Seat& seat) const {
  const Room* const room = room_of(seat);
  return room ? room->plan.until : nullptr;
}

void WaitingRooms::renew(const Seat& seat, std::shared_ptr<GrowingFile> until) {
  const auto found = rooms_.find(seat.room);
  if (found != rooms_.end()) found->second.plan.until = std::move(until);
}

void WaitingRooms::share(const Seat& from, Answer answer) {
  const Room* const room = room_of(from);
  if (!room) return;
  const auto sharing = std::make_shared<Sharing>(Sharing{std::move(answer), room->plan.grant, {}});
  sharing->to.reserve(room->waiting.size());
  for (const auto& [ticket, until] : room->waiting) {
    if (ticket != from.ticket) sharing->to.push_back(ticket);
  }
  close(from.room);
  if (!sharing->to.empty()) reactor_.mailbox()->post([this, sharing] { hand_out(sharing); });
}

void WaitingRooms::hand_out(const std::shared_ptr<Sharing>& sharing) {
  const size_t end = std::min(sharing->to.size(), sharing->done + kAtOnce);
  for (size_t& at = sharing->done; at < end; at++) {
    if (Exchange* const exchange = reactor_.tickets().find(sharing->to[at]))
      exchange->on_shared(sharing->answer, sharing->grant);
  }
  if (end < sharing->to.size()) reactor_.mailbox()->post([this, sharing] { hand_out(sharing); });
}

// In a room all wait equally long. First all leave whose time is over: none of them asks for the others.
void WaitingRooms::expire(int64_t now, bool all) {
  if (due_ > now && !all) return;
  std::vector<std::pair<uint64_t, RespondPlan>> over;
  std::vector<uint64_t> left;  // rooms
  due_ = INT64_MAX;
  for (auto& [id, room] : rooms_) {
    auto& waiting = room.waiting;
    while (!waiting.empty() && (all || waiting.begin()->second <= now)) {
      over.emplace_back(waiting.begin()->first, room.plan.otherwise);
      waiting.erase(waiting.begin());
    }
    left.push_back(id);
    if (!waiting.empty()) due_ = std::min(due_, waiting.begin()->second);
  }
  for (const uint64_t id : left) {
    if (const auto found = rooms_.find(id); found != rooms_.end()) look_at_door(id, found->second);
  }
  for (const auto& [ticket, otherwise] : over) {
    Exchange* const exchange = reactor_.tickets().find(ticket);
    if (!exchange) continue;
    reactor_.mutable_counters().waits_in_vain.add();
    exchange->on_waited(otherwise);
  }
}

}  // namespace sealgate
