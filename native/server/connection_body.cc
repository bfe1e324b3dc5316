// Connection, the part that receives a request body into the store's staging.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "server/connection.h"

namespace sealgate {
namespace {

constexpr uint64_t kBodyShare = 512 * 1024;  // bytes of one body received before others have their turn
constexpr size_t kDirectBytes = 32 * 1024;   // more than a record takes
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";  // RFC 9110 10.1.1

}  // namespace

void Connection::receive(const ReceivePlan& plan) {
  const Request& request = http_.request();
  max_body_ = plan.max_size;
  const bool too_large = !request.chunked && request.content_length > max_body_;
  const std::string_view token = request.field(Field::authorization);
  upload_holder_ = UploadPlaces::holder(client_, token.empty() ? channel_.peer_subject() : token);
  if (too_large || !reactor_.upload_places().take(upload_holder_)) {
    reactor_.tell_application({reactor_.id(), AbortedEvent{request_id_}});
    forget_request();
    return refuse(too_large ? Problem::body_too_large : Problem::front_end_overloaded);
  }
  std::optional<uint64_t> length;
  if (!request.chunked) length = request.content_length;
  move(Direction::rx, length.value_or(max_body_));
  io_ticket_ = reactor_.ticket(*this);
  Reactor& reactor = reactor_;
  const auto wake = [&reactor, mailbox = reactor_.mailbox(), ticket = io_ticket_] {
    mailbox->post([&reactor, ticket] {
      if (Connection* connection = reactor.find(ticket)) connection->on_ingest();
    });
  };
  ingest_ = Ingest::start(reactor_.engine().uploads, plan.staging, length, wake);
  set_state(State::receiving);
  if (request.expect_continue && unread_.empty()) interim_ = kContinue;
  if (!body_pending()) ingest_->finish();  // a request without body framing has an empty body
}

// An interim response goes before all else. False: it has to wait for the socket, or the connection is
// closed.
bool Connection::send_interim() {
  while (!interim_.empty()) {
    const IoResult result = channel_.write(interim_.data(), interim_.size(), false);
    if (result.state == IoState::failed) {
      if (!channel_.deaf()) return close(), false;
      interim_ = {};  // who does not hear it may have sent its body all the same
      return true;
    }
    if (result.state != IoState::ok) return false;
    interim_.remove_prefix(result.bytes);
  }
  return true;
}

bool Connection::step_receive() {
  if (!send_interim()) return false;
  // Records that the socket had no room for leave when it has, though no response follows soon.
  if (channel_.flush() == IoState::failed && !channel_.deaf()) return close(), false;
  uint64_t share = kBodyShare;
  while (state_ == State::receiving) {
    if (!body_left_.empty()) {
      const size_t taken = ingest_->append(body_left_);
      reactor_.mutable_counters().received_bytes.add(taken);
      body_bytes_ += taken;
      share -= std::min<uint64_t>(share, taken);
      body_left_.remove_prefix(taken);
      if (!body_left_.empty()) return hear_arrivals(false), false;  // on_ingest() tells when there is room
    }
    if (!body_pending()) return false;  // all of it is being stored
    if (share == 0) return reactor_.make_ready(*this), false;
    // Also with no bytes at hand: the end of a body comes after its last byte, without a further one.
    const Http1::Step step = http_.next(unread_.data(), unread_.size());
    take_body(step);
    if (step.event != Http1::Event::more) continue;
    if (fallbacks_[static_cast<size_t>(Direction::rx)] == Fallback::pending_data)
      move(Direction::rx, max_body_);
    const IoState read = read_body();
    if (read == IoState::again) {
      if (!ingest_->room().empty()) hear_arrivals(true), channel_.acknowledge_now();
      return false;
    }
    if (read != IoState::ok) return close(), false;
  }
  return true;
}

// A body of known length is received where it is written from. The rest of a buffer or of a body that may be
// smaller than a record goes by way of the scratch, as does what stands between chunk lines.
IoState Connection::read_body() {
  const Request& request = http_.request();
  const std::span<char> room = ingest_->room();
  if (room.empty()) return hear_arrivals(false), IoState::again;  // on_ingest() tells when there is some
  const uint64_t left = request.chunked ? 0 : request.content_length - ingest_->received();
  if (left >= kDirectBytes && room.size() >= kDirectBytes)
    return read_into(room.first(std::min<uint64_t>(room.size(), left)));
  return read_into({reactor_.scratch(), std::clamp(room.size(), kDirectBytes, Reactor::kScratchBytes)});
}

// While the disk is at work, each segment that arrives would wake the reactor for nothing. The end of the
// connection is heard all the same.
void Connection::hear_arrivals(bool wanted) {
  if (std::exchange(hears_arrivals_, wanted) != wanted) reactor_.watch(*this, wanted);
}

void Connection::take_body(const Http1::Step& step) {
  unread_.remove_prefix(step.consumed);
  switch (step.event) {
    case Http1::Event::body:
      if (step.body.size() > max_body_ - ingest_->received()) {
        end_ingest();
        return refuse_and_close(Problem::body_too_large);
      }
      body_left_ = step.body;
      return;
    case Http1::Event::complete: message_open_ = false; return ingest_->finish();
    case Http1::Event::failed: end_ingest(); return refuse_and_close(step.problem);
    default: return;
  }
}

void Connection::on_ingest() {
  if (!ingest_->settle()) return;
  if (!hears_arrivals_) channel_.readable(false);  // for all that is known
  if (!ingest_->failure().ok()) {
    const int error = ingest_->failure().error;
    end_ingest();
    refuse_and_close(error == ENOSPC || error == EDQUOT ? Problem::store_full : Problem::store_write_failed);
  } else if (ingest_->stored()) {
    const StagingFile& staged = ingest_->staging();
    reactor_.mutable_counters().uploads.add();
    reactor_.mutable_counters().upload_sizes.observe(staged.size());
    set_state(State::waiting);
    reactor_.tell_application(
        {reactor_.id(), ReceivedEvent{request_id_, staged.digest(), staged.path(), staged.size()}});
  }
  proceed();
}

void Connection::release_ingest() {
  if (!ingest_) return;
  ingest_.reset();
  leave_upload();
}

void Connection::leave_upload() {
  reactor_.forget(std::exchange(io_ticket_, 0));
  reactor_.upload_places().leave(upload_holder_);
}

// The client was gone before its body had come, and may believe that it is stored.
void Connection::lose_upload() {
  reactor_.mutable_counters().uploads_lost.add();
  end_ingest();
  log_response(monotonic_us(), true);
}

// The body is of no more use: nothing of it stays in the store.
void Connection::end_ingest() {
  reactor_.mutable_counters().uploads_aborted.add();
  reactor_.tell_application({reactor_.id(), AbortedEvent{request_id_}});
  Ingest::abort(std::move(ingest_));
  leave_upload();
  forget_request();
  body_left_ = {};
}

}  // namespace sealgate
