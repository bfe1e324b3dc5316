// Connection, the part that answers: from a plan or a refusal to the last byte of the response.
#include <utility>

#include "base/clock.h"
#include "server/connection.h"

namespace sealgate {
namespace {

// What a connection is answered before others have their turn: one whose client is quick, or pipelines, has
// its next request there when the last is answered.
constexpr size_t kTurnResponses = 64;
constexpr uint64_t kTurnBytes = 64 * 1024;
constexpr int kTriesToOpen = 4;            // while kept plans make room
constexpr size_t kAsideBytes = 16 * 1024;  // read while a response is leaving; beyond it the client waits

// What is wrong with a file that was found broken. Its bytes, when its inode is as recorded.
SealBreak break_of(const SealedFile& file) {
  const SealBreak why = file.recheck();
  return why == SealBreak::none ? SealBreak::content : why;
}

}  // namespace

void Connection::deliver(std::shared_ptr<const DeliverPlan> plan, Sealed sealed) {
  const Request& request = http_.request();
  const Answering& answering = reactor_.answering();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = request.keep_alive && !request.has_body && !reactor_.stopping();
  bool built = false, broken = false;
  if (response.keep_alive && plan->kept) {
    if (const WholeResponse* whole = whole_response(request, *plan, answering, &built, &broken)) {
      response.status = 200;
      response.pieces.push_back({Piece::Of::whole, 0, whole->bytes.size()});
      response.plan = std::move(plan);
      if (built) reactor_.plans().grew(plan_key());
      return start_sending();
    }
  }
  SealBreak why = SealBreak::none;
  if (broken) {
    why = break_of(*plan->file);
  } else if (sealed == Sealed::earlier) {
    why = plan->file->recheck();
  }
  if (why != SealBreak::none) {
    reactor_.mutable_counters().seal_broken.add();
    return prove_again(plan->file->digest(), why);
  }
  const uint64_t size = plan->size();
  send_delivery(build_delivery(request, std::move(plan), answering, response), size);
}

// The file of the blob is being proved: what needs none of its bytes is answered from what is recorded.
void Connection::describe(const std::shared_ptr<const DeliverPlan>& plan) {
  const Request& request = http_.request();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = request.keep_alive && !request.has_body && !reactor_.stopping();
  const Problem problem = build_delivery(request, plan, reactor_.answering(), response);
  if (response.body_in_file() > 0) return respond(plan->unproved->otherwise);
  send_delivery(problem, plan->size());
}

void Connection::send_delivery(Problem problem, uint64_t size) {
  if (problem == Problem::range_unsatisfiable) {
    return refuse(problem, "Content-Range: bytes */" + std::to_string(size) + "\r\n");
  }
  if (problem != Problem::none) return refuse(problem);
  start_sending();
}

// The application's order to deliver. A blob whose inode the kernel would have to fetch is opened aside.
void Connection::carry_out(DeliverOrder order) {
  if (order.plan->unproved) return describe(order.plan);
  const std::shared_ptr<const BlobFolder>& blobs = reactor_.blobs();
  SealedFile::Sealing sealing = blobs->seal(order.blob, SealedFile::Wait::never);
  for (int tries = 0; sealing.crowded && tries < kTriesToOpen && reactor_.make_room(); tries++) {
    sealing = blobs->seal(order.blob, SealedFile::Wait::never);
  }
  if (!sealing.cold) return on_sealed(order, std::move(sealing));
  reactor_.mutable_counters().cold_opens.add();
  io_ticket_ = reactor_.ticket(*this);
  Reactor& reactor = reactor_;
  auto job = [&reactor, blobs, mailbox = reactor_.mailbox(), ticket = io_ticket_, order = std::move(order)] {
    SealedFile::Sealing sealed = blobs->seal(order.blob, SealedFile::Wait::allowed);
    mailbox->post([&reactor, ticket, order, sealed = std::move(sealed)] {
      if (Connection* connection = reactor.find(ticket)) connection->on_opened(order, sealed);
    });
  };
  reactor_.engine().io.submit(std::move(job));
}

void Connection::on_opened(const DeliverOrder& order, SealedFile::Sealing sealing) {
  reactor_.forget(std::exchange(io_ticket_, 0));
  on_sealed(order, std::move(sealing));
  proceed();
}

void Connection::on_sealed(const DeliverOrder& order, SealedFile::Sealing sealing) {
  if (!sealing.file) return prove_again(order.blob.digest, sealing.why);
  DeliverPlan& plan = *order.plan;
  plan.file = std::move(sealing.file);
  plan.kept = plan.cacheable && reactor_.plans().offer(plan_key(), order.plan);
  deliver(order.plan, Sealed::just_now);
}

// The file is not as it was recorded, or as it was when its plan was made. The application proves it anew, or
// withdraws it, and is asked once more.
void Connection::prove_again(std::string_view digest, SealBreak why) {
  report_broken(digest, why);
  if (std::exchange(proved_again_, true))
    return refuse(out_of_reach(why) ? Problem::store_read_failed : Problem::seal_broken);
  ask_application();
}

void Connection::respond(const RespondPlan& plan) {
  const Request& request = http_.request();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = request.keep_alive && !reactor_.stopping() && !body_pending();
  build_respond(plan.status, plan.fields, plan.body, &request, reactor_.answering(), response);
  start_sending();
}

void Connection::refuse(Problem problem, std::string_view fields) {
  reactor_.mutable_counters().problems[problem].add();
  const ProblemAnswer& answer = reactor_.options().problems[static_cast<size_t>(problem)];
  respond({answer.status, std::string(answer.fields).append(fields), answer.body});
}

// What the client sends from here on cannot be understood, or is not wanted.
void Connection::refuse_and_close(Problem problem) {
  const ProblemAnswer& answer = reactor_.options().problems[static_cast<size_t>(problem)];
  reactor_.mutable_counters().problems[problem].add();
  Response& response = delivery_.response();
  response.clear();
  response.keep_alive = false;
  build_respond(answer.status, answer.fields, answer.body, nullptr, reactor_.answering(), response);
  must_linger_ = true;
  if (problem == Problem::plaintext_on_tls) {
    channel_.write_plaintext(response.text.data(), response.text.size());
    return leave();
  }
  start_sending();
}

void Connection::report_broken(std::string_view digest, SealBreak why) {
  reactor_.plans().erase(plan_key());
  reactor_.tell_application({reactor_.id(), BrokenEvent{std::string(digest), why}});
}

void Connection::start_sending() {
  move(Direction::rx, 0);  // what a request without a body is
  if (head_at_ != 0 && !http_.request().has_body) channel_.send_tickets();
  const uint64_t size = delivery_.response().size();
  move(Direction::tx, size);
  delivery_.start(channel_, reactor_.mutable_counters().sent);
  queued_ = size <= kTurnBytes;
  first_byte_at_ = 0;
  set_state(State::sending);
}

bool Connection::step_send() {
  if (io_ticket_ != 0) return read_aside(), false;  // the disk is being read
  if (!send_interim()) return false;
  if (!std::exchange(queued_, true)) return reactor_.make_ready(*this), false;
  const Delivery::Progress progress = delivery_.pump(channel_, reactor_.record_buffers());
  int64_t now = 0;  // when it was needed for the first byte
  if (first_byte_at_ == 0 && delivery_.bytes_sent() > 0) {
    first_byte_at_ = delivery_.first_batch_at();
    if (first_byte_at_ == 0) first_byte_at_ = now = monotonic_us();
  }
  switch (progress) {
    case Delivery::Progress::done: return response_sent(now != 0 ? now : monotonic_us());
    case Delivery::Progress::socket_full: read_aside(); return false;
    case Delivery::Progress::wants_disk: wait_for_disk(); return false;
    case Delivery::Progress::fair_share:
      read_aside();
      reactor_.make_ready(*this);
      return false;
    case Delivery::Progress::seal_broken: {
      reactor_.mutable_counters().seal_broken.add();
      const SealedFile& file = *delivery_.response().plan->file;
      report_broken(file.digest(), break_of(file));
      cut_by_server_ = true;
      break;
    }
    case Delivery::Progress::read_failed:
      reactor_.mutable_counters().problems[Problem::store_read_failed].add();
      cut_by_server_ = true;
      break;
    case Delivery::Progress::cut: return response_unheard();
  }
  // The head has promised more bytes than can be sent: without close_notify the client sees a cut, not an
  // end.
  close();
  return false;
}

// What the client says must be seen in time: a KeyUpdate is answered before the next data, and a client that
// has gone is noticed. Requests that come early are kept for later.
void Connection::read_aside() {
  if (!channel_.reads_aside()) return;
  keep_unread();
  while (state_ != State::closed && kept_.size() < kAsideBytes) {
    const IoResult result = channel_.read(reactor_.scratch(), RecordBuffers::kHeadBytes);
    if (result.state == IoState::failed) return close();
    if (result.state != IoState::ok) return;
    const size_t body = body_left_.size();
    kept_.append(reactor_.scratch(), result.bytes);
    body_left_ = std::string_view(kept_).substr(0, body);
    unread_ = std::string_view(kept_).substr(body);
  }
}

void Connection::wait_for_disk() {
  reactor_.mutable_counters().cold_reads.add();
  io_ticket_ = reactor_.ticket(*this);
  Reactor& reactor = reactor_;
  reactor_.engine().io.submit(
      [&reactor, mailbox = reactor_.mailbox(), ticket = io_ticket_, read = delivery_.disk_read()] {
        read->run();
        mailbox->post([&reactor, ticket] {
          if (Connection* connection = reactor.find(ticket)) connection->on_disk_read();
        });
      });
}

void Connection::on_disk_read() {
  reactor_.forget(std::exchange(io_ticket_, 0));
  delivery_.disk_done();
  proceed();
}

void Connection::count_response(int64_t now) {
  delivery_.count_response();
  sent_total_ += delivery_.bytes_sent();
  if (totals_) {
    totals_->responses.add();
    totals_->bytes.add(delivery_.bytes_sent());
    totals_->received.add(body_bytes_);
  }
  Counters& counters = reactor_.mutable_counters();
  const bool readable = head_at_ != 0;
  if (group_ != Group::sentinel) {
    const size_t method = readable ? static_cast<size_t>(http_.request().method) : HttpResponses::kUnread;
    counters.http_responses.add(method, delivery_.response().status, delivery_.path());
  }
  if (!readable) return;
  ResponseTimes& all = counters.times;
  ResponseTimes::Cell& times = all.cell(group_, movable_, delivery_.path(), delivery_.bytes_sent());
  const Histogram::Observation first(first_byte_at_ - head_at_);
  times.first_byte.add(first);
  times.completion.add(now == first_byte_at_ ? first : Histogram::Observation(now - head_at_));
}

// The response has left. Whether the connection goes on is decided here and nowhere else.
bool Connection::response_sent(int64_t now) {
  count_response(now);
  log_response(now, false);
  turn_bytes_ += delivery_.bytes_sent();
  const bool must_end = channel_.must_end() != Fallback::none;
  const bool keep_alive = delivery_.response().keep_alive && !must_end;
  delivery_.reset();
  if (!keep_alive) {
    // Requests or KeyUpdates may follow, of a client that did not know this to be the end.
    must_linger_ = must_linger_ || must_end || http_.request().keep_alive;
    return leave(), true;
  }
  if (!end_of_message()) return true;
  if (++turn_responses_ < kTurnResponses && turn_bytes_ < kTurnBytes) return true;
  reactor_.make_ready(*this);
  return false;
}

// A client may be gone that has sent further requests before, uploads among them: they are carried out.
bool Connection::response_unheard() {
  if (!channel_.deaf() || !delivery_.response().keep_alive) return close(), false;
  count_cut();
  delivery_.reset();
  if (end_of_message()) reactor_.make_ready(*this);
  return state_ != State::idle;
}

// Of the request that was answered; false when the connection does not go on with another.
bool Connection::end_of_message() {
  while (message_open_) {
    const Http1::Step step = http_.next(unread_.data(), unread_.size());
    unread_.remove_prefix(step.consumed);
    if (step.event == Http1::Event::failed) return refuse_and_close(step.problem), false;
    if (step.event != Http1::Event::complete) return leave(), false;
    message_open_ = false;
  }
  set_state(State::idle);
  return true;
}

}  // namespace sealgate
