// Exchange: one request and its response, from the first byte of the head to the last of the body. It owns
// the request's memory and all that is held of the server for it: a ticket and a place at the application, a
// ticket of the I/O pool, a sink for its body. It decides what the answer is; its session says it.
//
//   reading → waiting → sending
//               └→ receiving → waiting → sending
//
// Calls of its session may end it. So they come last in what calls them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/request.h"
#include "server/body_sink.h"
#include "server/delivery.h"
#include "server/reactor.h"
#include "server/session.h"
#include "server/tickets.h"

namespace sealgate {

class Transport;

class Exchange {
 public:
  enum class Stage : uint8_t {
    reading,    // its head is arriving
    waiting,    // the application is deciding
    receiving,  // its body is arriving
    sending,    // its response is leaving
  };

  explicit Exchange(Reactor& reactor) : reactor_(reactor) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // --- for the pool ---
  void begin(Session& session, Transport& transport) {
    session_ = &session;
    transport_ = &transport;
  }
  // Gives back all that it holds, and is as new but for some memory.
  void end();

  Exchange* next_unused = nullptr;

  // --- for its session ---
  Stage stage() const { return stage_; }
  Request& request() { return request_; }
  Delivery& delivery() { return delivery_; }
  BodySink* sink() { return sink_.get(); }
  bool readable() const { return head_at_ != 0; }  // its request was understood
  void on_head();                                  // request() is complete
  // Bytes of the body that the sink took.
  size_t take_body(std::string_view bytes);
  void on_body_end();
  bool body_pending() const { return request_.has_body && !body_ended_; }
  // The channel is where it is to stay for the response.
  void start_sending(const Channel& channel, uint64_t sent_before, std::string_view head) {
    delivery_.start(channel, reactor_.mutable_counters().sent, head);
    stage_ = Stage::sending;
    first_byte_at_ = 0;
    progress_mark_ = sent_before;
  }
  void read_from_disk();  // as the delivery wants it
  bool waits_for_disk() const { return static_cast<bool>(disk_); }
  // The file is not what it was, or cannot be read: the response cannot be completed.
  void on_broken();
  void on_unreadable();
  // Some of the response has left. Returns the time if it was looked at, else 0.
  int64_t time_first_byte() {
    if (first_byte_at_ != 0 || delivery_.bytes_sent() == 0) return 0;
    first_byte_at_ = delivery_.first_batch_at();
    return first_byte_at_ != 0 ? 0 : first_byte_at_ = monotonic_us();
  }
  void on_sent(int64_t now);  // the response has left
  void on_cut();              // it will not leave as a whole
  void on_closed();           // the connection is no more
  // What the client sends from here on cannot be understood, or is not wanted: the connection ends with the
  // response.
  void refuse_and_close(Problem problem);
  bool ends_connection() const { return ends_connection_; }
  // Whether the peer took or gave bytes at the minimum rate since this was last asked.
  bool made_progress();
  // Bytes since it came to what it is doing.
  uint64_t moved() const;
  uint64_t received() const { return body_bytes_; }

  // --- for its reactor ---
  size_t client() const;
  void on_asked(Reactor::ApplicationPlace place) { at_application_ = std::move(place); }
  void on_answer(Plan plan);
  void on_opened(std::shared_ptr<OpenedPlan> plan, SealedFile::Sealing sealing);
  void on_disk_read();
  void on_stored();

 private:
  enum class Sealed : bool { earlier, just_now };

  const std::shared_ptr<const OpenedPlan>* kept_plan(const Mount& mount);
  void ask_application();
  // --- exchange_receive.cc ---
  void receive(ReceivePlan plan);
  std::unique_ptr<BodySink> sink_for(ReceivePlan& plan, std::optional<uint64_t> length);
  void hand_over_body();
  void refuse_body(ReceivePlan plan, Problem problem);
  void refuse_second_plan(ReceivePlan plan);

  void open(DeliverPlan plan);
  void on_sealed(std::shared_ptr<OpenedPlan> plan, SealedFile::Sealing sealing);
  void deliver(std::shared_ptr<const OpenedPlan> plan, Sealed sealed);
  void describe(const DescribePlan& plan);
  void send_delivery(Problem problem, uint64_t size);
  void respond(RespondPlan plan);
  void refuse(Problem problem, ResponseFields fields = {});
  void prove_again(std::string_view digest, SealBreak why);
  void report_broken(std::string_view digest, SealBreak why);
  // What a body, or a request that changes something, was answered is not for those who ask for the target.
  bool may_keep_plan() const { return request_.only_reads() && !body_ended_; }
  void give_back();
  uint64_t progress() const;
  std::string request_name() const;
  void log(int64_t now, bool cut);

  Reactor& reactor_;
  Session* session_ = nullptr;
  Transport* transport_ = nullptr;
  Request request_;
  Delivery delivery_;

  PlanKey key_;             // of its plan; without a mount none is kept
  std::string key_memory_;  // what the key is a view of, where that is no part of the request

  Ticket asked_;                              // by which the application knows it
  Reactor::ApplicationPlace at_application_;  // it has the request and owes an answer
  Ticket disk_;                               // of the read or the opening under way
  std::unique_ptr<BodySink> sink_;

  int64_t head_at_ = 0, first_byte_at_ = 0;  // microseconds of CLOCK_MONOTONIC; 0: not yet
  uint64_t serial_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t progress_mark_ = 0;
  Stage stage_ = Stage::reading;
  bool holds_ = false;  // a ticket, a place or a sink: most requests need none of them
  bool body_ended_ = false;
  bool ends_connection_ = false;
  bool cut_by_server_ = false;  // the response cannot be completed, and not because of the client
  bool proved_again_ = false;   // what it was answered could not be delivered, and it was asked once more
};

}  // namespace sealgate
