#include "server/http2_session.h"

#include <utility>

#include "server/http2_response.h"

namespace sealgate {
namespace {

// Bytes read, and bytes written, before other connections have their turn.
constexpr uint64_t kTurnBytes = 512 * 1024;

}  // namespace

Http2Session::Http2Session(Reactor& reactor, Transport& transport)
    : reactor_(reactor), transport_(transport) {
  reactor_.mutable_counters().http2_connections.add();
  failed_ = !begin();
}

void Http2Session::proceed() {
  if (reactor_.ending()) drain();
  if (lost_) return finish_uploads();
  uint64_t share = kTurnBytes;
  for (bool drained = false; !drained;) {
    const uint64_t before = output_.written();
    if (!failed_ && !read_some(&drained)) return;
    if (drained) pass_on();
    if (!write_all()) return;
    const uint64_t moved = RecordBuffers::kBytes + output_.written() - before;
    share -= std::min(share, moved);
    if (share == 0 && !drained) {
      reactor_.make_ready(transport_);
      break;
    }
    if (failed_) break;
  }
  settle();
}

// False: the connection is at its end.
bool Http2Session::read_some(bool* drained) {
  const IoResult result = transport_.read({reactor_.scratch(), Reactor::kScratchBytes});
  switch (result.state) {
    case IoState::again: return *drained = true;
    case IoState::ok: break;
    case IoState::eof:
      if (streams_.empty() && !blocked_) return transport_.leave(false), false;
      [[fallthrough]];
    default: return lose(), false;
  }
  usefulness_.received(result.bytes);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(reactor_.scratch());
  const ssize_t taken = nghttp2_session_mem_recv(h2_.get(), bytes, result.bytes);
  if (taken < 0) return fail(), true;
  if (usefulness_.too_little()) nghttp2_session_terminate_session(h2_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
  return true;
}

// nghttp2 cannot even say goodbye.
void Http2Session::fail() {
  failed_ = true;
  reactor_.mutable_counters().http2_aborts.add();
}

// False: the connection is at its end.
bool Http2Session::write_all() {
  if (deaf_) return true;
  uint64_t share = kTurnBytes;
  for (;;) {
    const uint64_t before = output_.written();
    const IoState state = output_.write(transport_.channel());
    note_written();
    if (state == IoState::failed && transport_.channel().deaf()) return stop_sending(), true;
    if (state == IoState::unreadable && frames_.front().stream)
      frames_.front().stream->exchange->on_unreadable();
    if (state != IoState::ok && state != IoState::again) return lose(), false;
    blocked_ = state == IoState::again;
    if (blocked_ || failed_) return true;
    share -= std::min(share, output_.written() - before);
    if (share == 0) return reactor_.make_ready(transport_), true;
    if (!gather()) return fail(), true;
    if (output_.empty()) return note_written(), true;
  }
}

// The client hears no more, but the rest of its uploads may have arrived.
void Http2Session::stop_sending() {
  deaf_ = true;
  blocked_ = false;
  output_ = {};
}

// Nor does anything more arrive.
void Http2Session::lose() {
  stop_sending();
  lost_ = true;
  finish_uploads();
}

// A client that has sent an upload whole may believe that it is stored, so it will be. All else ends here.
void Http2Session::finish_uploads() {
  for (size_t i = streams_.size(); i-- > 0;) {
    Http2Stream& stream = *streams_[i];
    if (stream.exchange->request().has_body && stream.body_ended && !stream.answered) continue;
    if (!stream.sent) stream.exchange->on_closed();
    remove(stream);
  }
  if (!streams_.empty()) return show_state();
  if (!said_all_) return transport_.close();
  transport_.leave(!was_idle_);  // an idle one is closed at once: others may wait for its place
}

// Ends the connection when nothing is left to do on it.
void Http2Session::settle() {
  if (!draining_ && !failed_ && is_to_end()) {
    drain();
    reactor_.make_ready(transport_);
  }
  const bool done = failed_ || (output_.empty() && !nghttp2_session_want_read(h2_.get()) &&
                                !nghttp2_session_want_write(h2_.get()));
  if (!done || blocked_) return show_state();
  said_all_ = lost_ = true;
  finish_uploads();
}

// A client that has just come has one request answered: it would find no other server otherwise.
bool Http2Session::is_to_end() const {
  return transport_.channel().must_end() != Fallback::none || (reactor_.winding_down() && had_request_);
}

void Http2Session::on_closed() {
  for (const auto& stream : streams_) {
    if (!stream->sent) stream->exchange->on_closed();
  }
  streams_.clear();
  frames_.clear();
  in_state_ = {};
}

uint64_t Http2Session::moved() const { return output_.written() - std::min(output_.written(), mark_); }

void Http2Session::describe(ConnectionInfo& info) const {
  info.received = received_;
  for (const auto& stream : streams_) {
    if (!stream->sent) info.sent += stream->exchange->delivery().bytes_sent();
  }
}

// --- its streams ---

void Http2Session::set_state(Http2Stream& stream, State state) {
  in_state_[static_cast<size_t>(stream.state)]--;
  in_state_[static_cast<size_t>(state)]++;
  stream.state = state;
  stream.mark = 0;
  reactor_.schedule(stream.deadline, state);
}

// A connection is in the state of the stream that keeps the server most busy.
void Http2Session::show_state() {
  State shown = State::idle;
  for (const State each : {State::sending, State::receiving, State::waiting, State::head}) {
    if (in_state_[static_cast<size_t>(each)] == 0) continue;
    shown = each;
    break;
  }
  if (blocked_ || !output_.empty()) shown = State::sending;
  if (shown == transport_.state()) return;
  mark_ = output_.written();
  transport_.set_state(shown);
}

void Http2Session::remove(Http2Stream& stream) {
  for (Frame& frame : frames_) {
    if (frame.stream == &stream) frame.stream = nullptr;
  }
  in_state_[static_cast<size_t>(stream.state)]--;
  const size_t index = stream.index;
  if (index + 1 < streams_.size()) {
    std::swap(streams_[index], streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
}

// --- what its exchanges ask for ---

void Http2Session::wait(Exchange& exchange) { set_state(*exchange.stream, State::waiting); }

void Http2Session::resume(Exchange& exchange) {
  Http2Stream& stream = *exchange.stream;
  if (stream.state == State::receiving) feed(stream);
  go_on(stream);
  transport_.resume();
}

void Http2Session::go_on(Http2Stream& stream) {
  if (!stream.deferred || stream.exchange->waits_for_bytes()) return;
  stream.deferred = false;
  nghttp2_session_resume_data(h2_.get(), stream.id);
}

// The clock of the connection goes on while the client is slow with other streams.
void Http2Session::wake(Exchange& exchange) {
  Http2Stream& stream = *exchange.stream;
  go_on(stream);
  stream.mark = exchange.delivery().bytes_sent();
  reactor_.schedule(stream.deadline, stream.state);
  if (!blocked_) {
    mark_ = output_.written();
    transport_.extend_deadline();
  }
  reactor_.make_ready(transport_);
}

}  // namespace sealgate
