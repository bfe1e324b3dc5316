// Http2Session, the part that nghttp2 calls, and what it is told to allow. It checks frames, heads and
// windows; what else a client may do to make work is bounded here (http2_limits.h).
#include <utility>

#include "base/clock.h"
#include "server/http2_session.h"

namespace sealgate {
namespace {

Http2Session& session_of(void* user) { return *static_cast<Http2Session*>(user); }

std::string_view text_of(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

bool begins_request(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

}  // namespace

// Never freed, as all sessions use them.
const nghttp2_session_callbacks* Http2Session::callbacks() {
  static const nghttp2_session_callbacks* const all = [] {
    nghttp2_session_callbacks* out = nullptr;
    if (nghttp2_session_callbacks_new(&out) != 0) return out;
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        out, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return session_of(user).on_begin_headers(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        out, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                const uint8_t* value, size_t value_size, uint8_t, void* user) {
          return session_of(user).on_header(*frame, text_of(name, name_size), text_of(value, value_size));
        });
    // Without this such a field would be dropped, and the request served.
    nghttp2_session_callbacks_set_on_invalid_header_callback(
        out,
        [](nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t,
           void*) -> int { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        out, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return session_of(user).on_frame(*frame);
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        out, [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* bytes, size_t size, void* user) {
          return session_of(user).on_body(id, text_of(bytes, size));
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        out, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
          return session_of(user).on_frame_sent(*frame);
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        out, [](nghttp2_session*, int32_t id, uint32_t, void* user) {
          return session_of(user).on_stream_close(id);
        });
    nghttp2_session_callbacks_set_send_data_callback(
        out,
        [](nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t size, nghttp2_data_source*,
           void* user) { return session_of(user).queue_frame(text_of(header, kFrameHeaderBytes), size); });
    nghttp2_session_callbacks_set_data_source_read_length_callback(
        out, [](nghttp2_session*, uint8_t, int32_t, int32_t, int32_t, uint32_t, void*) -> ssize_t {
          return Http2Limits::kFrameBytes;
        });
    return out;
  }();
  return all;
}

const nghttp2_option* Http2Session::option() {
  static const nghttp2_option* const all = [] {
    nghttp2_option* out = nullptr;
    if (nghttp2_option_new(&out) != 0) return out;
    nghttp2_option_set_no_auto_window_update(out, 1);
    nghttp2_option_set_no_closed_streams(out, 1);
    // Those that the client sends are counted with ours, and not all of them (on_reset()).
    nghttp2_option_set_stream_reset_rate_limit(out, UINT64_MAX, 0);
    nghttp2_option_set_max_continuations(out, Http2Limits::kContinuations);
    nghttp2_option_set_max_settings(out, Http2Limits::kSettings);
    nghttp2_option_set_max_outbound_ack(out, Http2Limits::kAcks);
    nghttp2_option_set_builtin_recv_extension_type(out, NGHTTP2_PRIORITY_UPDATE);
    return out;
  }();
  return all;
}

bool Http2Session::begin() {
  nghttp2_session* made = nullptr;
  if (!callbacks() || !option() || nghttp2_session_server_new2(&made, callbacks(), this, option()) != 0)
    return false;
  h2_.reset(made);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Http2Limits::kStreams},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(reactor_.options().http.head_bytes)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  return nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0 &&
         nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0, Http2Limits::kConnectionWindow) ==
             0;
}

// --- what has arrived ---

int Http2Session::on_begin_headers(const nghttp2_frame& frame) {
  if (!begins_request(frame)) return 0;
  auto stream = std::make_unique<Http2Stream>(
      *this, frame.hd.stream_id, reactor_.exchanges().take(*this, transport_), reactor_.options().http);
  stream->index = streams_.size();
  in_state_[static_cast<size_t>(stream->state)]++;
  reactor_.schedule(stream->deadline, stream->state);
  nghttp2_session_set_stream_user_data(h2_.get(), frame.hd.stream_id, stream.get());
  streams_.push_back(std::move(stream));
  return 0;
}

// Trailers are read and dropped, as those of HTTP/1.1 are.
int Http2Session::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
  if (!begins_request(frame)) return 0;
  Http2Stream* const stream = stream_of(frame.hd.stream_id);
  if (!stream) return 0;
  usefulness_.useful(name.size() + value.size());
  return stream->head.add(name, value) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Session::on_frame(const nghttp2_frame& frame) {
  const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      if (Http2Stream* const stream = stream_of(frame.hd.stream_id)) {
        if (begins_request(frame)) return on_head(*stream, !ends), 0;
        if (ends) on_body_end(*stream);
      }
      break;
    case NGHTTP2_RST_STREAM: on_reset(stream_of(frame.hd.stream_id)); break;
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) end_drain();
      break;
    default: break;
  }
  return 0;
}

void Http2Session::on_head(Http2Stream& stream, bool has_body) {
  reactor_.mutable_counters().http2_requests.add();
  stream.body_ended = !has_body;
  const Problem problem = stream.head.finish(has_body);
  if (problem != Problem::none) return stream.exchange->refuse_and_close(problem);
  if (!std::exchange(had_request_, true) && !transport_.channel().is_tls())
    transport_.moves().know_sentinel(stream.exchange->request().field(Field::host));
  stream.exchange->on_head();
}

// One that has its answer and sends no more of a body that nobody wants has cost no more than any other.
void Http2Session::on_reset(const Http2Stream* stream) {
  if (!stream || !stream->last_queued) count_reset();
}

// A client can have streams reset by us, too: by requests that are wrong (CVE-2025-8671).
void Http2Session::count_reset() {
  reactor_.mutable_counters().http2_resets.add();
  if (!resets_.take(reactor_.now() / 1000))
    nghttp2_session_terminate_session(h2_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

// --- what is in the output ---

int Http2Session::on_frame_sent(const nghttp2_frame& frame) {
  const int32_t id = frame.hd.stream_id;
  if (frame.hd.type == NGHTTP2_RST_STREAM && frame.rst_stream.error_code != NGHTTP2_NO_ERROR) count_reset();
  if (frame.hd.type == NGHTTP2_GOAWAY) on_goaway_sent(frame.goaway.error_code);
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return 0;
  Http2Stream* const stream = stream_of(id);
  if (!stream || !stream->answered) return 0;  // an interim response
  const bool last = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  frames_.push_back({stream, output_.queued(), kFrameHeaderBytes + frame.hd.length, last});
  if (last) stream->last_queued = true;
  return 0;
}

// The ping comes behind the notice, so that its answer says that the client has read that.
void Http2Session::on_goaway_sent(uint32_t code) {
  if (code != NGHTTP2_NO_ERROR) {
    reactor_.mutable_counters().http2_aborts.add();
  } else if (draining_ && !goaway_sent_) {
    nghttp2_submit_ping(h2_.get(), NGHTTP2_FLAG_NONE, nullptr);
  }
}

int Http2Session::on_stream_close(int32_t id) {
  Http2Stream* const stream = stream_of(id);
  if (!stream) return 0;
  stream->closed = true;
  if (!stream->held.empty()) nghttp2_session_consume_connection(h2_.get(), stream->held.size());
  if (stream->last_queued && !stream->sent) return 0;  // note_written() removes it
  if (!stream->sent) stream->exchange->on_closed();
  remove(*stream);
  return 0;
}

}  // namespace sealgate
