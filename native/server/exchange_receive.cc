// Exchange, the part that receives a body: from a plan to the body in the hands of the application.
#include <cerrno>
#include <utility>

#include "server/exchange.h"
#include "server/file_sink.h"
#include "server/memory_sink.h"
#include "server/transport.h"

namespace sealgate {

void Exchange::receive(ReceivePlan plan) {
  if (sink_ || body_ended_) return refuse_second_plan(std::move(plan));
  if (!request_.chunked && request_.content_length > plan.max_size)
    return refuse_body(std::move(plan), Problem::body_too_large);
  std::optional<uint64_t> length;
  if (!request_.chunked) length = request_.content_length;
  sink_ = sink_for(plan, length);
  if (!sink_) return refuse_body(std::move(plan), Problem::application_overloaded);
  transport_->moves().before(Direction::rx, length.value_or(plan.max_size));
  holds_ = true;
  stage_ = Stage::receiving;
  progress_mark_ = progress();
  session_->receive(*this, plan.interim);
}

// Null when there is no room for the body; then the plan keeps its target.
std::unique_ptr<BodySink> Exchange::sink_for(ReceivePlan& plan, std::optional<uint64_t> length) {
  const std::string_view token = request_.field(Field::authorization);
  const auto holder =
      UploadPlaces::holder(client(), token.empty() ? transport_->channel().peer_subject() : token);
  if (std::holds_alternative<MemoryTarget>(plan.sink)) {
    const auto capacity = static_cast<size_t>(length.value_or(plan.max_size));
    BodyMemory::Taken memory = reactor_.engine().bodies.take(holder, capacity);
    if (!memory) return nullptr;
    return std::make_unique<MemorySink>(reactor_, asked_.what(), std::move(memory), plan.max_size, capacity);
  }
  if (!reactor_.upload_places().take(holder)) return nullptr;
  FileSink::Place place(reactor_.upload_places(), holder);
  auto* const append = std::get_if<AppendTarget>(&plan.sink);
  FileTarget to =
      append ? FileTarget(std::move(*append)) : FileTarget(std::get<StagingTarget>(std::move(plan.sink)));
  return std::make_unique<FileSink>(reactor_, *this, asked_.what(), std::move(place), std::move(to),
                                    plan.max_size, length, session_->sink_bytes());
}

// Destroys the plan before the application hears of the refusal, so that a file named in it is free by
// then.
void Exchange::refuse_body(ReceivePlan plan, Problem problem) {
  plan = {};
  reactor_.tell_application({reactor_.id(), AbortedEvent{asked_.what()}});
  give_back();
  refuse(problem);
}

// The body was received already, so a further plan to receive it would wait for ever.
void Exchange::refuse_second_plan(ReceivePlan plan) {
  reactor_.log_error("the application wants the body of a request received for the second time; answered 500",
                     request_name());
  refuse_body(std::move(plan), Problem::plan_out_of_place);
}

size_t Exchange::take_body(std::string_view bytes) {
  const size_t taken = sink_->append(bytes);
  reactor_.mutable_counters().received_bytes.add(taken);
  body_bytes_ += taken;
  if (charges_) charges_->received += taken;
  return taken;
}

void Exchange::on_body_end() {
  body_ended_ = true;
  asked_at_ = monotonic_us();
  sink_->finish();
  if (sink_->whole()) hand_over_body();
}

void Exchange::on_stored() {
  if (!sink_->settle()) return;
  if (const int error = sink_->failure().error; error != 0) {
    refuse_rest(error == ENOSPC || error == EDQUOT ? Problem::store_full : Problem::store_write_failed);
  } else if (sink_->whole()) {
    hand_over_body();
  }
  session_->resume(*this);
}

// A body that has come is stored all the same: it is not in the way for long.
void Exchange::on_interrupted() {
  if (stage_ != Stage::receiving || body_ended_) return;
  refuse_and_close(Problem::upload_taken_over);
  session_->resume(*this);
}

void Exchange::hand_over_body() {
  sink_->hand_over();
  stage_ = Stage::waiting;
  session_->wait(*this);
}

}  // namespace sealgate
