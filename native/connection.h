// Connection: the life of one client connection, as a state machine. proceed() runs it until it needs the
// outside world: the socket, the front end, the disk or the clock.
//
//   handshake → idle → head → waiting → sending → idle …
//                               └→ receiving → waiting → sending
//   any → lingering → closed
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "channel.h"
#include "deadlines.h"
#include "delivery.h"
#include "http1.h"
#include "ingest.h"
#include "reactor.h"

namespace sealgate {

class Connection final : public EventTarget {
 public:
  Connection(Reactor& reactor, Fd socket, std::shared_ptr<const TlsContext> tls, size_t listener,
             std::string peer);
  ~Connection();

  bool usable() const { return channel_.usable(); }
  int fd() const { return channel_.fd(); }
  State state() const { return state_; }

  void on_events(uint32_t events) override;
  void proceed();
  void on_asked() { in_front_end_ = true; }
  void on_answer(Plan plan);
  void on_disk_read();
  void on_ingest();
  void on_deadline();
  void on_stopping();  // the reactor drains
  void close();

  Deadline deadline;
  size_t index = 0;  // in the reactor's list
  bool in_ready = false;

 private:
  // Each returns whether to go on at once.
  bool step_handshake();
  bool step_head();
  bool step_receive();
  bool step_send();
  bool step_linger();

  void set_state(State state);
  // The client may still have to send a part of the request's body.
  bool body_pending() const { return message_open_ && http_.request().has_body; }
  IoState read_more();
  void keep_unread();
  void read_aside();

  void on_head();
  void ask_front_end();
  std::string_view plan_key();
  void deliver(std::shared_ptr<const DeliverPlan> plan);
  void respond(const RespondPlan& plan);
  void receive(const ReceivePlan& plan);
  void take_body(const Http1::Step& step);
  void end_ingest();
  void release_ingest();
  void forget_request();
  void refuse(Problem problem, std::string_view fields = {});
  void refuse_and_close(Problem problem);
  void prove_again(const DeliverPlan& plan);
  void report_broken(const DeliverPlan& plan);
  void start_sending();
  void move_sending();
  void move_receiving();
  void count_fallbacks();
  void log_response(bool cut);
  void wait_for_disk();
  bool response_sent();
  void leave();
  uint64_t progress() const;  // bytes exchanged
  bool made_progress();

  Reactor& reactor_;
  Channel channel_;
  Http1 http_;
  State state_;
  const size_t listener_;
  const std::string peer_;
  Fallback fallback_tx_, fallback_rx_;  // why that direction is not in the kernel
  bool handshake_done_ = false;
  bool message_open_ = false;  // a request's head was taken and its end was not
  bool must_linger_ = false;   // the client may still be sending
  size_t turn_responses_ = 0;  // in this run of proceed()

  std::string_view unread_;     // bytes read and not parsed: in the reactor's scratch, or in kept_
  std::string_view body_left_;  // before them: body bytes that found no room
  std::string kept_;
  std::string key_;

  Delivery delivery_;
  std::shared_ptr<Ingest> ingest_;
  uint64_t max_body_ = 0;
  uint64_t sent_total_ = 0, progress_mark_ = 0;
  int64_t head_at_ = 0, answer_at_ = 0;  // microseconds of CLOCK_REALTIME, for the access log; 0: not logged
  uint64_t body_bytes_ = 0;              // of the request, received
  uint64_t request_id_ = 0;              // of the request the front end knows of; 0: none
  uint64_t io_ticket_ = 0;               // of the disk read or the ingest under way; 0: none
  bool in_front_end_ = false;            // the front end has the request and owes an answer
};

}  // namespace sealgate
