// Http2Session, the part that has an eye on the time: each stream has the clocks of an HTTP/1.1 request, and
// the connection one for all that it sends. And how it ends when the server drains.
#include <algorithm>

#include "server/http2_session.h"

namespace sealgate {

void Http2Stream::on_deadline() { session.on_stream_deadline(*this); }

// What a peer has to take or give between two looks.
uint64_t Http2Session::least_bytes() const {
  const ReactorOptions& options = reactor_.options();
  return options.min_rate * static_cast<uint64_t>(options.stall_timeout) / 1000;
}

// --- the connection ---

void Http2Session::on_deadline() {
  if (transport_.state() == State::idle) {
    was_idle_ = true;
    nghttp2_session_terminate_session(h2_.get(), NGHTTP2_NO_ERROR);
    return;
  }
  if (transport_.state() != State::sending || !wants_progress()) return transport_.extend_deadline();
  const uint64_t written = output_.written();
  const uint64_t taken = written - std::min(written, transport_.channel().unacknowledged());
  if (taken < mark_ + least_bytes()) {
    reactor_.mutable_counters().write_stalls.add();
    return lose();
  }
  mark_ = taken;
  transport_.extend_deadline();
}

// While all that is to be sent has to come first, the client is not to blame.
bool Http2Session::wants_progress() const {
  return blocked_ || std::any_of(streams_.begin(), streams_.end(), [](const auto& stream) {
           return stream->state == State::sending && !stream->exchange->waits_for_bytes();
         });
}

// --- streams ---

void Http2Session::on_stream_deadline(Http2Stream& stream) {
  switch (stream.state) {
    case State::head:
      // Until the rest of a head has come, nothing else can be read on the connection.
      nghttp2_session_terminate_session(h2_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
      break;
    case State::waiting:
      if (stream.exchange->waits_for_growth()) {
        reactor_.schedule(stream.deadline, stream.state);
      } else {
        stream.exchange->refuse_and_close(Problem::application_overloaded);
      }
      break;
    case State::receiving: look_at_receiving(stream); break;
    case State::sending: look_at_sending(stream); break;
    case State::lingering:
      // The answer is complete (RFC 9113 8.1). Told at once to stop, clients that still send, as curl and
      // those built on it, take that for a failure and never read the answer.
      nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
      break;
    default: break;
  }
  transport_.resume();
}

// A client that has sent as much as it may is not slow, and the disk is not its fault.
void Http2Session::look_at_receiving(Http2Stream& stream) {
  const BodySink& sink = *stream.exchange->sink();
  const bool may_send = nghttp2_session_get_local_window_size(h2_.get()) > 0;
  if (!sink.waits() && stream.held.empty() && !stream.body_ended && may_send &&
      sink.received() < stream.mark + least_bytes())
    return stream.exchange->refuse_and_close(Problem::body_timeout);
  stream.mark = sink.received();
  reactor_.schedule(stream.deadline, stream.state);
}

// A stream for which the client opens no window is cut. One that others go before has only the clock of the
// connection.
void Http2Session::look_at_sending(Http2Stream& stream) {
  const uint64_t sent = stream.exchange->delivery().bytes_sent();
  const bool shut = nghttp2_session_get_stream_remote_window_size(h2_.get(), stream.id) <= 0;
  if (shut && !stream.last_queued && !stream.exchange->waits_for_growth() &&
      sent < stream.mark + least_bytes()) {
    reactor_.mutable_counters().write_stalls.add();
    nghttp2_submit_rst_stream(h2_.get(), NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_CANCEL);
    return;
  }
  stream.mark = sent;
  reactor_.schedule(stream.deadline, stream.state);
}

// --- the end ---

// In two steps (RFC 9113 6.8): requests that are on their way when the client hears of it are answered yet.
// The answer to a ping says that it has heard.
void Http2Session::drain() {
  if (draining_ || failed_) return;
  draining_ = true;
  nghttp2_submit_shutdown_notice(h2_.get());
  reactor_.schedule(drain_end_.deadline, State::lingering);
}

void Http2Session::end_drain() {
  if (!draining_ || goaway_sent_ || failed_) return;
  goaway_sent_ = true;
  drain_end_.deadline.disarm();
  const int32_t last = nghttp2_session_get_last_proc_stream_id(h2_.get());
  nghttp2_submit_goaway(h2_.get(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Http2Session::DrainEnd::on_deadline() {
  session.end_drain();
  session.transport_.resume();
}

}  // namespace sealgate
