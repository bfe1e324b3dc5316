// Http2Session, the part that receives bodies into their sinks. What a sink has not taken is held, and only
// what it took opens the windows again: so a stream holds no more than its window, and a connection no more
// than its own.
#include <algorithm>

#include "base/text.h"
#include "server/http2_response.h"
#include "server/http2_session.h"
#include "server/staging_writer.h"

namespace sealgate {

// One body, or two, have as much as over HTTP/1.1. A hundred have little each, as they arrive together no
// faster than one.
size_t Http2Session::sink_bytes() const {
  const size_t others = in_state_[static_cast<size_t>(State::receiving)];
  return std::clamp(Http2Limits::kSinks / (others + 1), kRecordBytes, StagingWriter::kBufferBytes);
}

void Http2Session::receive(Exchange& exchange, const ResponseFields& interim) {
  Http2Stream& stream = *exchange.stream;
  set_state(stream, State::receiving);
  const Request& request = exchange.request();
  if (!interim.empty()) send_interim(stream.id, 104, interim);
  if (!request.has_body) return exchange.on_body_end();
  if (request.expect_continue && stream.held.empty() && !stream.body_ended) send_interim(stream.id, 100, {});
  if (!stream.body_ended && (request.chunked || request.content_length > Http2Limits::kStreamWindow))
    nghttp2_session_set_local_window_size(h2_.get(), NGHTTP2_FLAG_NONE, stream.id, Http2Limits::kBodyWindow);
  feed(stream);
}

void Http2Session::send_interim(int32_t stream, int status, const ResponseFields& of) {
  Http2Fields fields;
  fields.set(InterimHead(status, of));
  nghttp2_submit_headers(h2_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, fields.list().data(),
                         fields.list().size(), nullptr);
}

int Http2Session::on_body(int32_t id, std::string_view bytes) {
  usefulness_.useful(bytes.size());
  received_ += bytes.size();
  Http2Stream* const stream = stream_of(id);
  // Of what nobody wants any more the client may send what its window is open for, and no more than that.
  if (!stream || stream->answered) {
    nghttp2_session_consume_connection(h2_.get(), bytes.size());
    return 0;
  }
  // What the sink takes at once is not copied first.
  if (stream->state == State::receiving && stream->held.empty() && fits(*stream, bytes.size()))
    bytes.remove_prefix(give(*stream, bytes));
  stream->held.append(bytes);
  if (stream->state == State::receiving && !bytes.empty()) feed(*stream);
  return 0;
}

bool Http2Session::fits(const Http2Stream& stream, size_t bytes) {
  const BodySink& sink = *stream.exchange->sink();
  return bytes <= sink.most_bytes() - sink.received();
}

// Returns how many bytes the sink took.
size_t Http2Session::give(Http2Stream& stream, std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    const size_t more = stream.exchange->take_body(bytes.substr(taken));
    if (more == 0) break;
    taken += more;
  }
  if (taken > 0) nghttp2_session_consume(h2_.get(), stream.id, taken);
  return taken;
}

// Gives the sink what it has room for.
void Http2Session::feed(Http2Stream& stream) {
  Exchange& exchange = *stream.exchange;
  if (!fits(stream, stream.held.size())) return exchange.refuse_and_close(Problem::body_too_large);
  const size_t taken = give(stream, stream.held);
  if (taken == stream.held.size())
    free_memory(stream.held);
  else
    stream.held.erase(0, taken);
  if (stream.held.empty() && stream.body_ended && exchange.body_pending()) exchange.on_body_end();
}

void Http2Session::on_body_end(Http2Stream& stream) {
  stream.body_ended = true;
  if (stream.state == State::receiving) feed(stream);
}

// Nothing more can be read at the moment.
void Http2Session::pass_on() {
  if (in_state_[static_cast<size_t>(State::receiving)] == 0) return;
  for (const auto& stream : streams_) {
    if (stream->state == State::receiving) stream->exchange->sink()->pass_on();
  }
}

// The answer is known, and does not depend on what is left of the body.
void Http2Session::drop_held(Http2Stream& stream) {
  if (stream.held.empty()) return;
  nghttp2_session_consume_connection(h2_.get(), stream.held.size());
  free_memory(stream.held);
}

}  // namespace sealgate
