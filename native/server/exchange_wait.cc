// Exchange, the part that waits with others for an answer that is not there yet.
#include <utility>

#include "base/clock.h"
#include "server/exchange.h"
#include "server/transport.h"

namespace sealgate {

bool Exchange::wait_with_others(const Held& held) {
  holds_ = true;
  grown_ = reactor_.tickets().issue(*this);
  room_ = reactor_.waiting_rooms().join(key_, held, grown_.what(), client());
  if (!room_) return grown_.end(), false;
  stage_ = Stage::waiting;
  session_->wait(*this);
  return true;
}

void Exchange::wait_in_room(WaitPlan plan) {
  WaitingRooms& rooms = reactor_.waiting_rooms();
  if (room_) {
    rooms.renew(room_.what(), std::move(plan.until));
    return on_door();
  }
  if (key_.mount == 0 || !may_keep_plan()) return respond(std::move(plan.otherwise));
  RespondPlan otherwise = plan.otherwise;
  holds_ = true;
  grown_ = reactor_.tickets().issue(*this);
  room_ = rooms.enter(key_, std::move(plan), grown_.what(), client());
  if (!room_) return grown_.end(), respond(std::move(otherwise));
  if (rooms.at_door(room_.what())) on_door();
}

// Waits for the end of what the room waits for, or asks when that has come.
void Exchange::on_door() {
  const auto until = reactor_.waiting_rooms().awaited(room_.what());
  if (until) growth_ = reactor_.end_waits().wait(until, UINT64_MAX, grown_.what());
  if (growth_) return;
  asked_at_ = monotonic_us();  // waiting was the client's wish
  ask_application();
}

// Its token may have been revoked while it waited, and its mount replaced: then it asks for itself.
bool Exchange::still_has(const Grant& grant) {
  Held held;
  const Mount* const mount = reactor_.mounts().at(key_.mount);
  return mount && find_grants(*mount, &held) && held.has(grant);
}

void Exchange::on_waited(const RespondPlan& otherwise) {
  room_.end();
  give_back();
  respond(otherwise);
  session_->resume(*this);
}

void Exchange::on_shared(const WaitingRooms::Answer& answer, const Grant& grant) {
  room_.end();
  give_back();
  asked_at_ = monotonic_us();
  if (!still_has(grant)) return ask_application();
  if (const auto* const plan = std::get_if<Plan>(&answer)) {
    carry_out(*plan);
  } else {
    forwarded_ = Forwarded::collapsed;
    const auto& opened = std::get<std::shared_ptr<const OpenedPlan>>(answer);
    if (!opened->plan.codings) key_.codings = 0;
    deliver(opened, Sealed::earlier);
  }
  session_->resume(*this);
}

// This exchange has asked for all in its room.
void Exchange::share(WaitingRooms::Answer answer) {
  reactor_.waiting_rooms().share(room_.what(), std::move(answer));
  leave_room();
}

void Exchange::leave_room() {
  room_.end();
  grown_.end();
}

}  // namespace sealgate
