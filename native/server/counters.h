// Counters: what one reactor did, as totals that only grow, and a few gauges. The reactor's thread writes
// them; any thread may read them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/counter.h"
#include "base/histogram.h"
#include "http/problem.h"
#include "server/group_totals.h"
#include "server/http_responses.h"
#include "server/proxy_header.h"
#include "server/rate_limits.h"
#include "server/response_times.h"
#include "server/rollout.h"
#include "server/traffic.h"
#include "tls/fallback.h"
#include "tls/ktls_mode.h"
#include "tls/tls_counters.h"

namespace sealgate {

enum class State : uint8_t {
  proxy,      // the header is awaited by which a proxy says whose the connection is
  handshake,  // TLS handshake under way
  idle,       // between requests
  head,       // a request head is arriving
  waiting,    // the application is deciding
  receiving,  // a request body is arriving
  sending,    // a response is leaving
  lingering,  // everything was sent; what the client still sends is read and dropped (RFC 9112 9.6)
  closed,
  count_,
};

std::string_view state_name(State state);

// The counters of the reactor's channels are in TlsCounters.
struct Counters : TlsCounters {
  Counter accepted;     // connections accepted
  Counter displaced;    // connections closed at the limit in favour of a client with few connections
  Counter turned_away;  // accepted connections closed unserved: their client holds many, and the lobby is
                        // full or they waited too long
  Counter over_limit;   // connections closed unserved, as their client has as many as a limit allows
  Counter requests;     // heads parsed
  Counter handshakes;   // handshakes completed
  Counter handshakes_resumed;  // of the handshakes, those that resumed a session
  Counter handshakes_failed;
  Counter plan_hits;
  Counter plan_misses;        // requests that went to the application
  Counter plan_stale;         // of the misses, those where a kept plan had a stale epoch
  Counter plan_entries;       // gauge: kept plans
  Counter plan_bytes;         // gauge: bytes of bodies and heads kept in memory
  Counter received_bytes;     // bytes of request bodies
  Counter uploads;            // request bodies received whole
  Counter uploads_aborted;    // request bodies given up, for whatever reason
  Counter uploads_lost;       // of the aborted, those whose connection ended before the body had arrived
  Counter uploads_displaced;  // of the aborted, those whose connection was closed for another client
  Counter cold_opens;         // blobs opened by the I/O pool because their inodes were not in memory
  Counter cold_reads;         // chunks read by the I/O pool because they were not in the page cache
  Counter seal_broken;        // deliveries stopped because the file had changed
  Counter growing_reads;      // responses that followed an upload under way
  Counter growing_cut;        // of these, those that were cut because the upload failed
  Counter waits;              // requests that waited with others for an answer that was not there yet
  Counter waits_in_vain;      // of these, those that waited for as long as they may
  Counter waiting;            // gauge: requests that wait so
  Counter write_stalls;       // connections or streams cut because the client stopped reading
  Counter http2_connections;  // connections on which HTTP/2 was spoken
  Counter http2_requests;     // of the requests, those over HTTP/2
  Counter http2_resets;       // streams reset, by either side, without those that were answered whole
  Counter http2_aborts;       // connections ended because the client broke the protocol, or made work that is
                              // of no use to it
  Counter access_log_dropped;  // lines that the disk did not take in time
  Histogram handshake_time;    // from accept(2) to the end of the handshake
  Histogram application_time;  // from the complete request head to the application's answer
  CounterSet<Path> cpu_path;   // the reactor thread's CPU time in nanoseconds, by the path served last;
                               // estimated from samples
  Counter cpu_handshake;       // CPU nanoseconds of handshakes; estimated from samples
  Counter cpu_receive;         // CPU nanoseconds of receiving request bodies; estimated from samples
  // By who protects the records, for keys that were given to the kernel.
  CounterSet<KtlsMode> modes_tx, modes_rx;
  Counter offload_asked;    // keys given to the kernel while the rollout allows a device to take them
  Counter offload_unasked;  // keys that a device took although the rollout does not allow it
  SentTraffic sent;
  HttpResponses http_responses;  // responses, without those to the sentinel
  UploadSizes upload_sizes;
  CounterSet<Fallback> fallbacks;     // why sending is not in the kernel
  CounterSet<Fallback> fallbacks_rx;  // why receiving is not in the kernel
  CounterSet<Problem> problems;
  // Requests refused by a limit of requests, and of bytes, by what that counts together.
  CounterSet<RateBy> limited_by_requests, limited_by_bytes;
  CounterSet<ProxyOutcome> proxy_headers;  // of connections of listeners that take them
  CounterSet<SealLevel> opens;             // blobs opened for delivery, by the seal level that was proved
  CounterSet<State> connections;           // gauges: open connections by state
  GroupCounters groups[static_cast<size_t>(Group::count_)];
  GroupTotals& of(Group group, bool movable) { return groups[static_cast<size_t>(group)].of(movable); }
  ResponseTimes times;

  // Calls visit(name, value) for each counter: "accepted", "bytes.tls-file", "connections.idle".
  template <typename Visit>
  void each(Visit visit) const;
};

template <typename Visit>
void Counters::each(Visit visit) const {
  const std::initializer_list<std::pair<const char*, const Counter*>> single = {
      {"accepted", &accepted},
      {"displaced", &displaced},
      {"turned_away", &turned_away},
      {"over_limit", &over_limit},
      {"requests", &requests},
      {"handshakes", &handshakes},
      {"handshakes_resumed", &handshakes_resumed},
      {"handshakes_failed", &handshakes_failed},
      {"plan_hits", &plan_hits},
      {"plan_misses", &plan_misses},
      {"plan_stale", &plan_stale},
      {"plan_entries", &plan_entries},
      {"plan_bytes", &plan_bytes},
      {"received_bytes", &received_bytes},
      {"uploads", &uploads},
      {"uploads_aborted", &uploads_aborted},
      {"uploads_lost", &uploads_lost},
      {"uploads_displaced", &uploads_displaced},
      {"cold_opens", &cold_opens},
      {"cold_reads", &cold_reads},
      {"seal_broken", &seal_broken},
      {"ktls_switched", &ktls_switched},
      {"ktls_switched_rx", &ktls_switched_rx},
      {"zero_copy_connections", &zero_copy_connections},
      {"zero_copy_bytes", &zero_copy_bytes},
      {"key_updates_received", &key_updates_received},
      {"key_updates_sent", &key_updates_sent},
      {"growing_reads", &growing_reads},
      {"growing_cut", &growing_cut},
      {"waits", &waits},
      {"waits_in_vain", &waits_in_vain},
      {"waiting", &waiting},
      {"write_stalls", &write_stalls},
      {"http2_connections", &http2_connections},
      {"http2_requests", &http2_requests},
      {"http2_resets", &http2_resets},
      {"http2_aborts", &http2_aborts},
      {"access_log_dropped", &access_log_dropped},
      {"offload_asked", &offload_asked},
      {"offload_unasked", &offload_unasked},
  };
  for (const auto& [name, counter] : single) visit(std::string(name), counter->get());
  sent.each(visit);
  http_responses.each(visit);
  upload_sizes.each(visit);
  cpu_path.each("cpu.", path_name, visit);
  visit("cpu.handshake", cpu_handshake.get());
  visit("cpu.receive", cpu_receive.get());
  visit_histogram("handshake_time", handshake_time, visit);
  visit_histogram("application_time", application_time, visit);
  fallbacks.each("fallback.", fallback_name, visit);
  fallbacks_rx.each("fallback_rx.", fallback_name, visit);
  modes_tx.each("ktls_mode.tx/", ktls_mode_name, visit);
  modes_rx.each("ktls_mode.rx/", ktls_mode_name, visit);
  errors.each("errors.", channel_error_name, visit);
  problems.each("problems.", problem_name, visit);
  limited_by_requests.each("rate_limited.requests/", rate_by_name, visit);
  limited_by_bytes.each("rate_limited.bytes/", rate_by_name, visit);
  proxy_headers.each("proxy_headers.", proxy_outcome_name, visit);
  opens.each("opens.", seal_level_name, visit);
  connections.each("connections.", state_name, visit);
  traffic.each(visit);
  for (size_t i = 0; i < static_cast<size_t>(Group::count_); i++) {
    groups[i].each(group_name(static_cast<Group>(i)), visit);
  }
  times.each(visit);
}

}  // namespace sealgate
