// WaitingRooms: the exchanges of one reactor that wait for an answer which is not there yet. Those with one
// PlanKey share a room. One of them, at its door, waits until there may be an answer and asks the application
// then; all others get what it gets. Who waits costs no timer, no thread and no question of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/lease.h"
#include "server/plan.h"
#include "server/plan_key.h"
#include "server/shares.h"

namespace sealgate {

class Reactor;
struct Held;

class WaitingRooms {
 public:
  // What a place is known by. `ticket`: the exchange's.
  struct Seat {
    uint64_t room = 0, ticket = 0;
    size_t client = 0;
  };
  void leave(const Seat& seat);
  using Place = Lease<WaitingRooms, Seat, &WaitingRooms::leave>;

  static constexpr size_t kMost = 65536;  // places

  explicit WaitingRooms(Reactor& reactor) : reactor_(reactor) {}
  WaitingRooms(const WaitingRooms&) = delete;
  WaitingRooms& operator=(const WaitingRooms&) = delete;

  bool empty() const { return rooms_.empty(); }
  // When the first of all who wait has waited for long enough, milliseconds on the reactor's clock.
  int64_t due() const { return due_; }

  // Empty: nobody waits for that, or all places are taken, or `held` lacks the room's grant.
  Place join(const PlanKey& key, const Held& held, uint64_t ticket, size_t client);
  // Makes a room for the key if there is none. Empty: all places are taken.
  Place enter(const PlanKey& key, WaitPlan plan, uint64_t ticket, size_t client);
  bool at_door(const Seat& seat) const;
  // What the room waits for the end of; null: it has ended.
  std::shared_ptr<GrowingFile> awaited(const Seat& seat) const;
  // There is no answer yet: the room goes on, and waits for this.
  void renew(const Seat& seat, std::shared_ptr<GrowingFile> until);

  // What everybody in a room gets. An opened plan is delivered.
  using Answer = std::variant<Plan, std::shared_ptr<const OpenedPlan>>;
  // Closes the room; all but the one who says so get the answer, some in each turn of the loop.
  void share(const Seat& from, Answer answer);
  // Answers those that have waited for long enough; `all`: whoever waits.
  void expire(int64_t now, bool all = false);

 private:
  struct Room {
    std::string text;  // of its key
    PlanKey key;
    WaitPlan plan;
    // By ticket, and so in the order in which they came: until when, milliseconds on the reactor's clock.
    std::map<uint64_t, int64_t> waiting;
    uint64_t door = 0;  // the ticket of the one that waits there, or asks
  };
  struct Sharing;

  Place sit(uint64_t id, Room& room, uint64_t ticket, size_t client);
  bool has_place(size_t client) const;
  const Room* room_of(const Seat& seat) const;
  void close(uint64_t id);
  void look_at_door(uint64_t id, Room& room);
  void hand_out(const std::shared_ptr<Sharing>& sharing);

  Reactor& reactor_;
  uint64_t last_ = 0;
  std::unordered_map<uint64_t, Room> rooms_;
  std::unordered_map<PlanKey, uint64_t, PlanKeyHash> index_;  // its keys are views of Room::text
  size_t taken_ = 0;
  Shares shares_{kMost};
  int64_t due_ = INT64_MAX;  // not later than the first is due
};

}  // namespace sealgate
