// Exchange: one request and its response, from the first byte of the head to the last of the body. It owns
// the request's memory and the server resources that are held for it: a ticket and a place at the
// application, a ticket of the I/O pool, a sink for the body. It decides what the answer is; its session
// puts that on the wire.
//
//   reading → waiting → sending
//               └→ receiving → waiting → sending
//
// A call of the session may destroy the exchange, so it must be the last statement of its caller.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/request.h"
#include "server/body_sink.h"
#include "server/credentials.h"
#include "server/delivery.h"
#include "server/reactor.h"
#include "server/request_id.h"
#include "server/session.h"
#include "server/tickets.h"
#include "server/waiting_rooms.h"

namespace sealgate {

class Transport;
struct Cors;
struct Http2Stream;

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
  // Gives back all that it holds and becomes empty, but keeps some memory for the next request.
  void end();

  Exchange* next_unused = nullptr;
  Http2Stream* stream = nullptr;  // of an Http2Session, which sets it

  // --- for its session ---
  Request& request() { return request_; }
  const Request& request() const { return request_; }
  Delivery& delivery() { return delivery_; }
  BodySink* sink() { return sink_.get(); }
  bool readable() const { return head_at_ != 0; }  // its request was understood
  void on_head();                                  // request() is complete
  // Returns how many bytes of the body the sink took.
  size_t take_body(std::string_view bytes);
  void on_body_end();
  bool is_from_encoder() const {
    return request_.has_body && readable() && reactor_.mounts().is_for_encoders(key_.mount);
  }
  bool body_pending() const { return request_.has_body && !body_ended_; }
  // From here until the response is sent, the channel stays with whoever protects its records.
  void start_sending(const Channel& channel, uint64_t sent_before, std::string_view head) {
    delivery_.start(channel, reactor_.mutable_counters().sent, head);
    stage_ = Stage::sending;
    first_byte_at_ = 0;
    progress_mark_ = sent_before;
  }
  // The same for a response whose bytes leave in frames.
  void start_sending_framed(const Channel& channel, std::string_view first) {
    delivery_.start_framed(channel, reactor_.mutable_counters().sent, first);
    stage_ = Stage::sending;
    first_byte_at_ = 0;
  }
  void read_from_disk();  // starts the read that the delivery has asked for
  bool waits_for_disk() const { return static_cast<bool>(disk_); }
  // All that there is of the growing file was sent. False: there is more already.
  bool wait_for_growth() { return growth_ || wait_for(delivery_.followed(), delivery_.followed_length()); }
  // Or for an answer, with others.
  bool waits_for_growth() const { return growth_ || (room_ && !asked_); }
  // What is to be sent next has to come first, from the disk or from who uploads it: the client is not to
  // blame.
  bool waits_for_bytes() const { return waits_for_disk() || waits_for_growth(); }
  // The file has changed, or cannot be read: the response cannot be completed.
  void on_broken();
  void on_unreadable();
  // The upload that it follows has failed: likewise.
  void on_upload_failed() { reactor_.mutable_counters().growing_cut.add(); }
  // Notes the time when the first bytes of the response were sent. Returns that time if it was read now,
  // else 0.
  int64_t time_first_byte() {
    if (first_byte_at_ != 0 || delivery_.bytes_sent() == 0) return 0;
    first_byte_at_ = delivery_.first_batch_at();
    return first_byte_at_ != 0 ? 0 : first_byte_at_ = monotonic_us();
  }
  void on_sent(int64_t now);  // the whole response was sent
  void on_cut();              // the response will not be completed
  void on_closed();           // the connection is closed
  // Refuses the request and ends the connection after that, because the client's further bytes cannot be
  // understood or are not wanted. Where frames tell requests apart, its stream alone ends.
  void refuse_and_close(Problem problem);
  // Refuses what is left of its body. The connection of an encoder need not end (Http1Session).
  void refuse_rest(Problem problem);
  bool ends_connection() const { return ends_connection_; }
  // The answer that is kept with its plan takes more memory now.
  void on_answer_grown() { reactor_.plans().grew(key_); }
  // Writes the digits by which its id differs from those of other requests.
  void write_number(char* to) const { write_hex(serial_, to); }
  // Whether the peer took or gave bytes at the minimum rate since the last call.
  bool made_progress();
  // Bytes moved since the current stage began.
  uint64_t moved() const;
  uint64_t received() const { return body_bytes_; }

  // --- for its reactor ---
  size_t client() const;  // hash of its client (shares.h)
  void on_asked(Reactor::ApplicationPlace place) { at_application_ = std::move(place); }
  void on_answer(Plan plan);
  void on_opened(std::shared_ptr<OpenedPlan> plan, SealedFile::Sealing sealing);
  void on_disk_read();
  void on_stored();
  void on_interrupted();  // another request is to append in its place
  void on_grown();
  // It stands at the door of its waiting room now.
  void on_door();
  // Another one has got the answer that it waits for, for which a request must have the grant.
  void on_shared(const WaitingRooms::Answer& answer, const Grant& grant);
  // It has waited for as long as it may.
  void on_waited(const RespondPlan& otherwise);

 private:
  enum class Sealed : bool { earlier, just_now };
  // Why the application was asked (RFC 9211 2.2); no: a kept plan answers.
  // collapsed: it was for another request, whose answer this one gets as well.
  enum class Forwarded : uint8_t { no, miss, stale, method, collapsed };

  bool find_held(const Mount& mount, Held* out);
  bool find_grants(const Mount& mount, Held* out);
  bool join_room(const Mount& mount);
  const std::shared_ptr<const OpenedPlan>* kept_plan(const Mount& mount);
  const std::shared_ptr<const OpenedPlan>* find_plan(const Mount& mount, const Held& held);
  const std::shared_ptr<const OpenedPlan>* plan_under_key();
  void set_key(const Mount& mount);
  bool keep(const std::shared_ptr<const OpenedPlan>& plan);
  void on_guarded_head(const Mount& mount);
  bool within_limits(const Mount* mount);
  void judge(const Mount& mount);
  void ask_application();
  // What is to be done with a request whose body, if there is one, has come.
  void carry_out(Plan plan);
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
  void send_delivery(Problem problem, const Content& content);
  // --- exchange_follow.cc ---
  void follow(FollowPlan plan);
  bool wait_for(const std::shared_ptr<GrowingFile>& file, uint64_t seen);
  // --- exchange_wait.cc ---
  bool wait_with_others(const Held& held);
  void wait_in_room(WaitPlan plan);
  bool still_has(const Grant& grant);
  void share(WaitingRooms::Answer answer);
  void leave_room();
  void respond(RespondPlan plan);
  void add_cors();
  bool says_cache_status() const;
  std::string_view cache_status(bool stored) const;
  void refuse(Problem problem, ResponseFields fields = {});
  void prove_again(std::string_view digest, SealBreak why);
  void report_broken(std::string_view digest, SealBreak why);
  // The answer to a body, or to a request that changes something, is not the answer to the next request
  // for the target.
  bool may_keep_plan() const { return request_.only_reads() && !body_ended_; }
  void give_back();
  void charge_bytes();
  uint64_t progress() const;
  // The client's numeric address: the connection's, or whom a proxy that is trusted names.
  std::string_view client_address(std::string& memory) const;
  bool named_by_client() const;
  std::string request_name() const;
  void name_response();
  void log(int64_t now, bool cut);

  Reactor& reactor_;
  Session* session_ = nullptr;
  Transport* transport_ = nullptr;
  Request request_;
  Delivery delivery_;

  PlanKey key_;  // key of its plan; without a mount the plan is not kept
  // What key_ is a view of, when that is not part of the request; or the name of the limit by which it was
  // refused.
  std::string key_memory_;

  SiteTotals* site_ = nullptr;        // of its site, when it is readable; null: it is for none
  std::shared_ptr<const Cors> cors_;  // its mount's, which may be replaced meanwhile; null: none

  Ticket asked_;                              // names the exchange to the application
  Reactor::ApplicationPlace at_application_;  // held while the application owes an answer
  Ticket disk_;  // names the exchange to the I/O pool during a read or an opening
  std::unique_ptr<BodySink> sink_;
  std::unique_ptr<ByteCharges> charges_;  // null: no limit counts its bytes
  Ticket grown_;                          // names the exchange while it waits for a file to grow or end
  GrowingWaits::Place growth_;
  std::unique_ptr<FollowPlan> follow_later_;  // a plan for bytes that are not there yet
  WaitingRooms::Place room_;                  // where it waits for an answer, or asks for all there

  int64_t head_at_ = 0, first_byte_at_ = 0;  // microseconds of CLOCK_MONOTONIC; 0: not yet
  int64_t asked_at_ = 0;                     // the request was complete, with its body
  uint64_t serial_ = 0;
  uint64_t body_bytes_ = 0;
  uint64_t progress_mark_ = 0;
  Stage stage_ = Stage::reading;
  Admission admission_ = Admission::open;
  Forwarded forwarded_ = Forwarded::no;
  bool holds_ = false;  // whether it holds a ticket, a place, a sink or charges; most requests hold none
  bool body_ended_ = false;
  bool ends_connection_ = false;
  bool cut_by_server_ = false;  // the response cannot be completed, and the client is not the cause
  bool asked_again_ = false;    // its file was broken or has ended, and the application was asked once more
};

}  // namespace sealgate
