// Connection: the life of one client connection, as a state machine. proceed() runs it until it needs the
// outside world: the socket, the application, the disk or the clock.
//
//   handshake → idle → head → waiting → sending → idle …
//                               └→ receiving → waiting → sending
//   any → lingering → closed
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/deadlines.h"
#include "http/http1.h"
#include "server/connection_info.h"
#include "server/delivery.h"
#include "server/ingest.h"
#include "server/reactor.h"
#include "tls/channel.h"

namespace sealgate {

class Connection final : public EventTarget {
 public:
  Connection(Reactor& reactor, Fd socket, std::shared_ptr<const TlsContext> tls, size_t listener,
             std::string peer);
  ~Connection();

  bool usable() const { return channel_.usable(); }
  int fd() const { return channel_.fd(); }
  State state() const { return state_; }
  size_t client() const { return client_; }

  void on_events(uint32_t events) override;
  void proceed();
  void on_asked() { at_application_ = true; }
  void on_answer(Plan plan);
  void on_opened(const DeliverOrder& order, SealedFile::Sealing sealing);
  void on_disk_read();
  void on_ingest();
  void on_deadline();
  void on_stopping();  // the reactor drains
  void close();
  ConnectionInfo info() const;
  // Bytes exchanged since its deadline was last set.
  uint64_t moved() const { return progress() - std::min(progress(), progress_mark_); }

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
  bool only_reads() const {
    return http_.request().method == Method::get || http_.request().method == Method::head;
  }
  IoState read_more();
  IoState read_body();
  IoState read_into(std::span<char> buffer);
  void hear_arrivals(bool wanted);
  void keep_unread();
  void read_aside();

  void on_head();
  void know_sentinel();
  void ask_application();
  std::string_view plan_key();
  std::string_view plan_key(std::string_view path);
  enum class Sealed : bool { earlier, just_now };
  void deliver(std::shared_ptr<const DeliverPlan> plan, Sealed sealed);
  void respond(const RespondPlan& plan);
  void receive(const ReceivePlan& plan);
  bool send_interim();
  void take_body(const Http1::Step& step);
  void end_ingest();
  void lose_upload();
  void release_ingest();
  void leave_upload();
  void forget_request();
  void refuse(Problem problem, std::string_view fields = {});
  void refuse_and_close(Problem problem);
  void carry_out(DeliverOrder order);
  void describe(const std::shared_ptr<const DeliverPlan>& plan);
  void send_delivery(Problem problem, uint64_t size);
  void on_sealed(const DeliverOrder& order, SealedFile::Sealing sealing);
  void prove_again(std::string_view digest, SealBreak why);
  void report_broken(std::string_view digest, SealBreak why);
  void start_sending();
  void join_group();
  void move(Direction direction, uint64_t bytes) {
    if (capable_[static_cast<size_t>(direction)]) move_capable(direction, bytes);
  }
  void move_capable(Direction direction, uint64_t bytes);
  void become_movable();
  void count_mode(Direction direction, bool offload_allowed);
  void count_cpu(int64_t began, State began_in);
  void count_response(int64_t now);
  void count_cut();
  void count_fallbacks();
  void log_response(int64_t now, bool cut);
  std::string request_name() const;
  void wait_for_disk();
  bool response_sent(int64_t now);
  bool response_unheard();
  bool end_of_message();
  void leave();
  uint64_t progress() const;  // bytes exchanged
  bool made_progress();

  Reactor& reactor_;
  Channel channel_;
  Http1 http_;
  State state_;
  const size_t listener_;
  const std::string peer_;
  const size_t client_;                  // shares.h
  std::array<Fallback, 2> fallbacks_{};  // by Direction: why it is not in the kernel
  Group group_ = Group::outside;
  GroupTotals* totals_ = nullptr;  // the group's; null until the handshake is done, and in plaintext
  bool may_move_ = false;          // as far as the rollout has come
  std::array<bool, 2> capable_{};  // by Direction: policy and kernel could take it, were it in the rollout
  bool movable_ = false;           // it had a transfer that the kernel could take (group_totals.h)
  bool cut_by_server_ = false;  // the response under way cannot be completed, and not because of the client
  bool handshake_done_ = false;
  bool message_open_ = false;   // a request's head was taken and its end was not
  bool hears_arrivals_ = true;  // epoll tells of them
  bool must_linger_ = false;    // the client may still be sending
  size_t turn_responses_ = 0;   // in this run of proceed(), as the next
  uint64_t turn_bytes_ = 0;

  std::string_view unread_;  // bytes read and not parsed: in the reactor's scratch, in kept_ or in the ingest
  std::string_view body_left_;  // before them: body bytes that found no room
  std::string kept_;
  std::string key_;
  std::string_view interim_;  // what of an interim response has not been written

  Delivery delivery_;
  std::shared_ptr<Ingest> ingest_;
  UploadPlaces::Holder upload_holder_;
  uint64_t max_body_ = 0;
  uint64_t sent_total_ = 0, progress_mark_ = 0;
  const int64_t accepted_at_;                // microseconds of CLOCK_MONOTONIC, as the next
  int64_t head_at_ = 0, first_byte_at_ = 0;  // of the request and response under way; 0: not yet
  bool logged_ = false;                      // its request is kept for the access log
  uint64_t request_serial_ = 0;
  uint64_t body_bytes_ = 0;      // of the request, received
  uint64_t request_id_ = 0;      // of the request the application knows of; 0: none
  uint64_t io_ticket_ = 0;       // of the disk read, the opening or the ingest under way; 0: none
  bool at_application_ = false;  // the application has the request and owes an answer
  bool queued_ = false;          // a large response has waited for its turn; a small one need not
  bool proved_again_ = false;    // what it answered could not be delivered, and it was asked once more
};

}  // namespace sealgate
