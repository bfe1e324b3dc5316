// Reactor: the event loop of one delivery worker (epoll(7), edge-triggered). It borrows its
// listeners' sockets, and owns its connections from accept to close. Other threads reach it only through its
// mailbox.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadlines.h"
#include "base/fd.h"
#include "base/lease.h"
#include "base/log_sink.h"
#include "base/mailbox.h"
#include "http/http_limits.h"
#include "server/access_log.h"
#include "server/application_queue.h"
#include "server/application_turns.h"
#include "server/body_memory.h"
#include "server/connection_counts.h"
#include "server/connection_info.h"
#include "server/counters.h"
#include "server/cpu_samples.h"
#include "server/exchange_pool.h"
#include "server/forwarding.h"
#include "server/grants.h"
#include "server/growing_waits.h"
#include "server/listener.h"
#include "server/mounts.h"
#include "server/plan.h"
#include "server/plan_cache.h"
#include "server/rate_limits.h"
#include "server/rate_table.h"
#include "server/request_id.h"
#include "server/response.h"
#include "server/rollout.h"
#include "server/shares.h"
#include "server/site_totals.h"
#include "server/tickets.h"
#include "server/upload_places.h"
#include "server/waiting_rooms.h"
#include "store/io_pool.h"
#include "tls/channel.h"
#include "tls/ktls_policy.h"
#include "tls/tls_context.h"

namespace sealgate {

class Exchange;
class Transport;

// The limits that a reactor can be given anew while it runs.
struct ReactorLimits {
  HttpLimits http;  // a connection of HTTP/1.1 keeps those of targets and heads that it began with
  size_t small_body_bytes = 16384;
  // Timeouts in milliseconds.
  int64_t proxy_timeout = 5'000, handshake_timeout = 10'000, head_timeout = 10'000, idle_timeout = 75'000,
          stall_timeout = 60'000, application_timeout = 30'000, linger_timeout = 5'000;
  uint64_t min_rate = 240;  // bytes per second
};

struct ReactorOptions : ReactorLimits {
  std::vector<ListenerOptions> listeners;
  TlsOptions tls;
  KtlsPolicy ktls;
  std::string server_name;
  RequestIdOptions request_ids;
  Forwarding forwarding;
  RateLimits rate_limits;
  std::string health_path;  // no limit counts requests for it; empty: there is none
  std::vector<Mount> mounts;
  std::string blobs;  // the store's folder of blobs; empty: there is none
  std::array<RespondPlan, static_cast<size_t>(Problem::count_)> problems;

  size_t connections = 65536;
  size_t plan_cache_entries = 16384, plan_cache_bytes = 64 << 20;
  size_t application_requests = 1024, uploads = 256;
};

// What all reactors of the process share.
struct Engine {
  Epochs epochs;
  GrantsInForce grants;
  ApplicationQueue application;
  BodyMemory bodies;
  RateTable rates;
  ConnectionCounts connections;
  IoPool io{4};       // files opened and read for responses
  IoPool uploads{4};  // bodies hashed and written
  // Staging files that become blobs. All of them wait for the disk: a file system makes durable together what
  // is waited for at the same time, so that more threads take no longer.
  IoPool commits{64};
  IoPool proofs{2};  // whole files hashed: each takes a disk and a core, perhaps for minutes
  IoPool coding{1};  // blobs in other content codings
  std::atomic<uint32_t> coding_ends{
      0};            // counts: what was asked for before the last end is not coded any more
  IoPool asking{2};  // jobs that wait for reactors to answer
  IoPool peers{24};  // jobs that wait for other processes of the server, some for as long as these live
  LogSink access_log;
  std::atomic<LogFields> access_fields{};
  LogSink log;                           // the server's own log
  std::atomic<uint64_t> log_dropped{0};  // lines of `log` that were lost because its queue was full
  std::atomic<std::shared_ptr<const Rollout>> rollout{std::make_shared<const Rollout>()};
  // When a direction last moved into the kernel, microseconds since the epoch.
  std::atomic<int64_t> last_move{0};
  const KtlsSupport& ktls();  // probes the kernel at the first call

  static Engine& instance();
};

// Anything that epoll can report an event for.
class EventTarget {
 public:
  virtual void on_events(uint32_t events) = 0;

 protected:
  ~EventTarget() = default;
};

class Reactor {
 public:
  // On failure returns null, and *failure says what failed, where and why.
  static std::unique_ptr<Reactor> create(uint32_t id, ReactorOptions options, Engine& engine,
                                         std::string* failure);
  ~Reactor();

  // --- called by any thread ---
  uint32_t id() const { return id_; }
  const std::vector<Listener>& listeners() const { return listeners_; }
  const Counters& counters() const { return counters_; }
  const SiteCounters& sites() const { return sites_; }
  void answer(uint64_t request, Plan plan);
  // From now on connections end with their next answer. New ones are accepted, and each of them is answered.
  void wind_down();
  void stop(int64_t grace_ms);
  // Another process accepts from now on. Connections end with their next answer; those without a request for
  // `idle_ms` are closed, and all others `grace_ms` later. HTTP/1.1 connections of encoders go on until then,
  // or until stop(), as ever.
  void retire(int64_t idle_ms, int64_t grace_ms);
  // Used for handshakes from now on. False when the options are refused; then nothing has changed.
  bool replace_tls(const TlsOptions& options, std::string* failure);
  // Requests whose head is complete later are for these mounts. Kept plans of mounts that are not among them
  // are dropped; requests under way go on by the mount that they were found to be for.
  void replace_mounts(std::vector<Mount> mounts);
  // Whose word about clients counts for requests whose head is complete later.
  void replace_forwarding(Forwarding forwarding);
  // Requests whose head is complete later are held to these limits.
  void replace_rate_limits(RateLimits limits);
  // In force at once, also for what is under way: a time that has passed by them is over.
  void replace_limits(const ReactorLimits& limits);
  // Removes kept plans whose epoch has moved, and closes their files.
  void drop_stale_plans();

  // Calls `to` on the reactor's thread with up to `limit` live connections.
  void list(size_t limit, std::function<void(std::vector<ConnectionInfo>)> to) const;

  // Runs on the calling thread until stop() was called and the last connection ended.
  void run();

  // --- called by its connections, on its thread ---
  const ReactorOptions& options() const { return options_; }
  const Answering& answering() const { return answering_; }
  Engine& engine() { return engine_; }
  Counters& mutable_counters() { return counters_; }
  const MountTable& mounts() const { return *mounts_; }
  const Forwarding& forwarding() const { return forwarding_; }
  const RateLimits& rate_limits() const { return rate_limits_; }
  // The current grants; null: they are not valid any more, so the application must be asked.
  const GrantTable* grants() { return grants_.table(now_); }
  const GrantTable* last_grants() { return grants_.last(); }  // null before there are any
  PlanCache& plans() { return plans_; }
  const std::shared_ptr<const BlobFolder>& blobs() const { return blobs_; }
  AccessLines& access_lines() { return access_lines_; }
  CpuSamples& cpu_samples() { return cpu_samples_; }
  uint64_t next_serial() { return ++last_serial_; }
  const RequestIds& request_ids() const { return request_ids_; }
  bool stopping() const { return stopping_; }
  bool winding_down() const { return winding_down_; }
  // No further request is wanted on a connection.
  bool ending() const { return ending_; }
  // But on one of an encoder, which may not survive that it is closed between two segments.
  bool keeps_encoders() const { return keeps_encoders_; }
  int64_t now() const { return now_; }
  char* scratch() { return scratch_.get(); }
  static constexpr size_t kScratchBytes = RecordBuffers::kBytes;
  RecordBuffers& record_buffers() { return record_buffers_; }

  // Restarts a deadline with the time that the state allows.
  void schedule(Deadline& deadline, State state);
  // Whether the transport is told that bytes arrived or can be sent; errors and hang-ups are always told.
  void watch(Transport& transport, bool data);
  // Calls proceed() again after other connections had their turn.
  void make_ready(Transport& transport);
  Tickets& tickets() { return tickets_; }
  GrowingWaits& growing_waits() { return growing_waits_; }
  GrowingWaits& end_waits() { return end_waits_; }
  WaitingRooms& waiting_rooms() { return waiting_rooms_; }
  ExchangePool& exchanges() { return exchanges_; }
  // Gives back the place at the application that a request of this client held.
  void leave_application(const size_t& client);
  using ApplicationPlace = Lease<Reactor, size_t, &Reactor::leave_application>;
  // The client of a request has gone. Its place is taken until the application has answered all the same: a
  // client that gives up its requests would have it do more than it can, otherwise.
  void keep_place(uint64_t request, ApplicationPlace place) { unheard_.emplace(request, std::move(place)); }
  // Sends a request to the application, now or when it is the client's turn; calls the exchange's
  // on_asked() then.
  void ask_application(Exchange& exchange, ApplicationEvent event);
  void tell_application(ApplicationEvent event) { engine_.application.push(std::move(event)); }
  // Writes an error to the server's log.
  void log_error(std::string_view message, std::string_view request);
  // Tasks posted here run on the reactor's thread; after its end they are dropped.
  std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }
  // Evicts some kept plans because the process can open no more files. False when there are none.
  bool make_room();
  UploadPlaces& upload_places() { return upload_places_; }
  // A connection is another client's than its place was taken for.
  void change_client(size_t from, size_t to) {
    connection_shares_.leave(from);
    connection_shares_.take(to);
  }
  // Whether a client may have one more connection. Proxies and unix peers may have any number, since theirs
  // are those of many clients.
  bool take_place(const std::string& peer, ConnectionCounts::Place* out);
  // Takes a closed transport, which is freed when nothing points to it any more.
  void retire(Transport& transport);

 private:
  Reactor(uint32_t id, ReactorOptions options, Engine& engine);
  struct Acceptor;
  // An accepted connection that is not served yet, because there is no room.
  struct Arrival {
    Fd socket;
    size_t listener;
    std::string peer;
    ConnectionCounts::Place place;
    int64_t until = 0;  // when it is turned away, milliseconds on the reactor's clock
  };
  static constexpr uint32_t kDataEvents = EPOLLIN | EPOLLOUT, kEndEvents = EPOLLRDHUP | EPOLLET;

  Status open();
  void guard_mounts() { mounts_ = rate_limits_.empty() ? told_mounts_ : told_mounts_->guarded(); }
  std::shared_ptr<const MountTable> table_of(std::vector<Mount> mounts);
  Status watch_listener(size_t listener, bool accepting);
  void watch_listeners(bool accepting);
  void pause_accepting();
  void look_at_shared();
  bool accept_from(size_t listener);  // false: no further connection waits
  bool give_up_idle();
  bool has_room(int listener);
  bool make_way(size_t client);
  double rate_of(const Transport& connection) const;
  void let_in();
  void turn_away_late();
  void serve(Arrival arrival);
  void tick();
  int next_timeout() const;
  void expire();
  void run_ready();
  void fill_application();
  void use_limits();
  void begin_winding_down();
  void stop_accepting();
  void begin_retiring(int64_t idle_ms, int64_t grace_ms);
  void begin_drain(int64_t grace_ms);
  void free_closed();

  const uint32_t id_;
  ReactorOptions options_;
  Engine& engine_;
  Counters counters_;
  SiteCounters sites_;
  std::shared_ptr<const TlsContext> tls_;
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  Fd epoll_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Answering answering_;
  std::shared_ptr<const BlobFolder> blobs_;
  std::shared_ptr<const MountTable> told_mounts_;
  std::shared_ptr<const MountTable> mounts_;  // the same, guarded where there are limits
  Forwarding forwarding_;
  RateLimits rate_limits_;
  PlanCache plans_;
  GrantsInForce::Reader grants_;
  AccessLines access_lines_;
  CpuSamples cpu_samples_;
  UploadPlaces upload_places_;
  ApplicationTurns application_turns_;
  Shares connection_shares_;
  std::unique_ptr<char[]> scratch_{new char[kScratchBytes]};
  RecordBuffers record_buffers_;

  DeadlineList deadlines_[static_cast<size_t>(State::count_)];
  int64_t now_ = 0;  // milliseconds, CLOCK_MONOTONIC
  int64_t drain_until_ = 0;
  int64_t idle_until_ = 0, grace_after_idle_ = 0;  // of a reactor that retires
  int64_t accept_again_at_ = 0;
  int64_t look_at_shared_at_ = INT64_MAX;  // when to look for what other acceptors have left
  int64_t look_for_idle_at_ = 0;  // when to look for an idle connection again, at the limit of connections
  bool winding_down_ = false;     // also when ending
  bool ending_ = false, stopping_ = false;
  bool keeps_encoders_ = false;  // retires, and was not told to stop
  bool accepting_ = false;

  std::deque<Arrival> lobby_;
  std::minstd_rand random_;
  uint64_t last_serial_ = 0;  // numbers connections and requests
  const RequestIds request_ids_;
  Tickets tickets_;
  GrowingWaits growing_waits_{*this};
  GrowingWaits end_waits_{*this};  // apart from those who wait for the next byte
  WaitingRooms waiting_rooms_{*this};
  std::unordered_map<uint64_t, ApplicationPlace> unheard_;  // by request
  ExchangePool exchanges_{*this};
  std::deque<Transport*> ready_;
  // Destroyed first: connections give back what they hold of the members above.
  std::vector<std::unique_ptr<Transport>> connections_;
  std::vector<std::unique_ptr<Transport>> closed_;  // closed in this turn of the loop, and not yet freed
};

}  // namespace sealgate
