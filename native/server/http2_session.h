// Http2Session: HTTP/2 on a transport (RFC 9113), over nghttp2, which reads and writes frames, codes heads,
// and keeps windows and priorities (RFC 9218). Bodies never pass through it: it is asked for the header of
// each DATA frame, and the bytes behind that are put into the output from where they are.
//
//   http2_session           its transport and its exchanges; when it ends
//   http2_session_clocks    how long things may take
//   http2_session_callbacks what nghttp2 tells, and what it is told to allow
//   http2_session_body      bodies of requests
//   http2_session_send      heads and bodies of responses
//
// nghttp2 must not be entered from its own callbacks: these only submit, and what was submitted is written
// when they have returned.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "server/http2_limits.h"
#include "server/http2_output.h"
#include "server/http2_stream.h"
#include "server/session.h"
#include "server/transport.h"

namespace sealgate {

class Http2Fields;

class Http2Session final : public Session {
 public:
  Http2Session(Reactor& reactor, Transport& transport);

  void proceed() override;
  void on_deadline() override;
  bool idle() const override { return streams_.empty() && !blocked_; }
  bool only_delivers() const override { return false; }
  void on_closed() override;
  uint64_t moved() const override;
  void describe(ConnectionInfo& info) const override;
  void drain() override;
  std::string_view http_version(const Exchange&) const override { return "2"; }

  void wait(Exchange& exchange) override;
  size_t sink_bytes() const override;
  void receive(Exchange& exchange, const ResponseFields& interim) override;
  void respond(Exchange& exchange) override;
  bool keep(Exchange& exchange) override;
  bool repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) override;
  void resume(Exchange& exchange) override;
  void wake(Exchange& exchange) override;

  // --- for its streams ---
  void on_stream_deadline(Http2Stream& stream);

 private:
  static constexpr size_t kFrameHeaderBytes = 9;
  // A frame of a response in the output.
  struct Frame {
    Http2Stream* stream;  // null: it is gone
    uint64_t end;         // on the count of Http2Output::queued()
    size_t bytes;
    bool last;  // of the response
  };
  // How long the client has to answer the ping with which a drain begins.
  struct DrainEnd final : DeadlineOwner {
    explicit DrainEnd(Http2Session& of) : session(of) { deadline.owner = this; }
    ~DrainEnd() { deadline.disarm(); }
    void on_deadline() override;
    Http2Session& session;
    Deadline deadline;
  };
  struct End {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };

  bool read_some(bool* drained);
  bool write_all();
  void stop_sending();
  void lose();
  void finish_uploads();
  void settle();
  bool is_to_end() const;
  void set_state(Http2Stream& stream, State state);
  void go_on(Http2Stream& stream);
  void show_state();
  void remove(Http2Stream& stream);
  void fail();

  // --- http2_session_clocks.cc ---
  void look_at_receiving(Http2Stream& stream);
  void look_at_sending(Http2Stream& stream);
  bool wants_progress() const;
  uint64_t least_bytes() const;
  void end_drain();

  // --- http2_session_callbacks.cc ---
  static const nghttp2_session_callbacks* callbacks();
  static const nghttp2_option* option();
  bool begin();
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  int on_frame(const nghttp2_frame& frame);
  int on_frame_sent(const nghttp2_frame& frame);
  int on_stream_close(int32_t id);
  void on_goaway_sent(uint32_t code);
  void on_head(Http2Stream& stream, bool has_body);
  void on_reset(const Http2Stream* stream);
  void count_reset();
  Http2Stream* stream_of(int32_t id) const {
    return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(h2_.get(), id));
  }

  // --- http2_session_body.cc ---
  int on_body(int32_t id, std::string_view bytes);
  void on_body_end(Http2Stream& stream);
  void feed(Http2Stream& stream);
  static bool fits(const Http2Stream& stream, size_t bytes);
  size_t give(Http2Stream& stream, std::string_view bytes);
  void drop_held(Http2Stream& stream);
  void pass_on();

  // --- http2_session_send.cc ---
  void send(Exchange& exchange, const Http2Fields& fields, std::string_view first);
  void send_interim(int32_t stream, int status, const ResponseFields& of);
  ssize_t next_frame(Http2Stream& stream, size_t most, uint32_t* flags);
  int queue_frame(std::string_view header, size_t bytes);
  bool gather();
  void note_written();
  bool may_gather() const { return !output_.full() && frames_.size() < Http2Limits::kUnsentFrames; }

  Reactor& reactor_;
  Transport& transport_;
  std::unique_ptr<nghttp2_session, End> h2_;
  std::vector<std::unique_ptr<Http2Stream>> streams_;
  std::array<size_t, static_cast<size_t>(State::count_)> in_state_{};
  Http2Output output_;
  std::deque<Frame> frames_;
  // Of the frame that nghttp2 has asked for, and whose header comes next: what stands behind that already.
  struct NextFrame {
    std::shared_ptr<const SealedFile> file;  // null: the bytes are gathered
    uint64_t offset = 0;
  };
  NextFrame next_;
  Allowance resets_;
  Usefulness usefulness_;
  uint64_t mark_ = 0;      // written() when the deadline of the connection was last set
  uint64_t received_ = 0;  // bytes of bodies
  DrainEnd drain_end_{*this};
  bool blocked_ = false;      // the socket was full
  bool failed_ = false;       // nghttp2 can go on no more
  bool deaf_ = false;         // nothing that is sent reaches the client
  bool lost_ = false;         // and nothing more is read from it
  bool said_all_ = false;     // lost after all frames had left, GOAWAY the last of them
  bool draining_ = false;     // the client was told that no more requests are wanted
  bool goaway_sent_ = false;  // and which was the last
  bool had_request_ = false;
  bool was_idle_ = false;  // the connection ends because nothing has come for long
};

}  // namespace sealgate
