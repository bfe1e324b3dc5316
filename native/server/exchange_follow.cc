// Exchange, the part that answers with a file that is still being received, and waits for more of it.
#include <utility>

#include "server/exchange.h"
#include "server/transport.h"

namespace sealgate {

// An upload that has become whole since the plan was made has an object, which is the better answer: it has
// validators, and its ranges an end.
void Exchange::follow(FollowPlan plan) {
  Response& response = delivery_.response();
  for (;;) {
    const GrowingFile::State state = plan.file ? plan.file->state() : GrowingFile::State::whole;
    if (state == GrowingFile::State::whole && !std::exchange(asked_again_, true)) return ask_application();
    if (state != GrowingFile::State::growing) return refuse(Problem::upload_failed);
    const uint64_t length = plan.file->length();
    GrowingRange range;
    const GrowingOutcome outcome = evaluate_growing(request_, length, &range);
    if (outcome == GrowingOutcome::precondition_failed) return refuse(Problem::precondition_failed);
    if (outcome == GrowingOutcome::wait) {
      if (!wait_for(plan.file, length)) continue;
      follow_later_ = std::make_unique<FollowPlan>(std::move(plan));
      return;
    }
    response.clear();
    name_response();
    build_follow(request_, plan, outcome, range, reactor_.answering(), response);
    add_cors();
    if (says_cache_status()) response.head.add("Cache-Status", cache_status(false));
    if (!response.body.empty()) {
      holds_ = true;
      delivery_.follow(std::move(plan.file));
      reactor_.mutable_counters().growing_reads.add();
    }
    // The response's head has views of the plan.
    return session_->respond(*this);
  }
}

bool Exchange::wait_for(const std::shared_ptr<GrowingFile>& file, uint64_t seen) {
  holds_ = true;
  grown_ = reactor_.tickets().issue(*this);
  growth_ = reactor_.growing_waits().wait(file, seen, grown_.what());
  if (!growth_) grown_.end();
  return static_cast<bool>(growth_);
}

void Exchange::on_grown() {
  growth_.end();
  if (room_) return on_door();
  grown_.end();
  if (const auto plan = std::exchange(follow_later_, nullptr)) {
    follow(std::move(*plan));
    return session_->resume(*this);
  }
  progress_mark_ = progress();
  session_->wake(*this);
}

}  // namespace sealgate
