// Http1Session: HTTP/1.1 on a transport (RFC 9112): reads heads and bodies, has one exchange at a time, keeps
// what clients send ahead (pipelining), and decides whether the connection goes on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/http1.h"
#include "server/exchange.h"
#include "server/exchange_pool.h"
#include "server/http1_response.h"
#include "server/session.h"
#include "server/staging_writer.h"
#include "server/transport.h"

namespace sealgate {

class Http1Session final : public Session {
 public:
  Http1Session(Reactor& reactor, Transport& transport)
      : reactor_(reactor), transport_(transport), http_(reactor.options().http) {}

  void proceed() override;
  void on_deadline() override;
  bool idle() const override { return !exchange_ && unread_.empty(); }
  bool only_delivers() const override;
  void on_closed() override;
  uint64_t moved() const override { return exchange_ ? exchange_->moved() : 0; }
  void describe(ConnectionInfo& info) const override;
  void drain() override;
  std::string_view http_version(const Exchange& exchange) const override;

  void wait(Exchange& exchange) override;
  size_t sink_bytes() const override { return StagingWriter::kBufferBytes; }
  void receive(Exchange& exchange, const ResponseFields& interim) override;
  void respond(Exchange& exchange) override;
  bool keep(Exchange& exchange) override;
  bool repeat(Exchange& exchange, std::shared_ptr<const OpenedPlan>& plan) override;
  void resume(Exchange& exchange) override;
  void wake(Exchange& exchange) override;

 private:
  // Each step returns whether proceed() is to take another one at once.
  bool step_head();
  bool step_receive();
  bool step_send();

  // --- http1_session_body.cc ---
  bool send_interim();
  void take_body(const Http1::Step& step);
  IoState read_body();
  bool may_discard_rest(Exchange& exchange) const;
  void discard_rest(const Http1::Step& begun);
  bool step_discard();

  IoState read_into(std::span<char> buffer) {
    const IoResult result = transport_.read(buffer);
    if (result.state == IoState::ok) unread_ = std::string_view(buffer.data(), result.bytes);
    return result.state;
  }
  void keep_unread();
  void read_aside();
  void own_head();
  void on_head();
  bool may_go_on(Exchange& exchange) const;
  bool is_kept(bool encoder) const { return encoder && reactor_.keeps_encoders(); }
  bool is_from_encoder(Exchange& exchange) const;
  bool encoder_may_wait();
  void send(Exchange& exchange, std::string_view head, bool goes_on);
  bool response_sent(int64_t now);
  bool response_unheard();
  bool end_of_message();
  void leave();

  Reactor& reactor_;
  Transport& transport_;
  Http1 http_;
  ExchangePool::Taken exchange_;  // exists from the first byte of a head on
  // Bytes that were read and not parsed. They are in the reactor's scratch buffer, in kept_, or in the
  // sink's buffer.
  std::string_view unread_;
  std::string_view body_left_;  // body bytes before unread_ for which the sink had no room
  std::string kept_;
  std::string interims_;      // interim responses before the one that follows
  std::string_view interim_;  // the part of them that was not sent yet
  uint64_t turn_bytes_ = 0;   // bytes sent in this run of proceed(); turn_responses_ counts responses
  uint32_t turn_responses_ = 0;
  uint64_t discard_left_ = 0;  // bytes of an answered request's body that may still come
  bool discarding_ = false;    // they are coming
  bool goes_on_ = true;        // whether another request may follow the current response
  bool message_open_ = false;  // a request's head was parsed, and its end was not
  bool queued_ = false;        // a large response has waited for its turn
  bool had_request_ = false;
  bool encoder_ = false;     // the last request was an upload of an encoder
  int64_t idle_times_ = 0;   // how many idle timeouts have passed since
  bool may_follow_ = false;  // after the last response the client may still be sending
};

}  // namespace sealgate
