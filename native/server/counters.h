// Counters: what one reactor did, as monotonic totals and a few gauges. Written by the reactor's thread alone
// and read by any other.
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
#include "server/response_times.h"
#include "server/rollout.h"
#include "server/traffic.h"
#include "tls/fallback.h"
#include "tls/ktls_mode.h"
#include "tls/tls_counters.h"

namespace sealgate {

enum class State : uint8_t {
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

// Channels count in TlsCounters.
struct Counters : TlsCounters {
  Counter accepted;     // connections
  Counter displaced;    // of those, ended at the limit for a client that holds few
  Counter turned_away;  // of those, ended unserved: their client holds many, and the lobby is full or they
                        // waited too long
  Counter requests;     // heads parsed
  Counter handshakes;   // completed
  Counter handshakes_resumed;  // of those
  Counter handshakes_failed;
  Counter plan_hits;
  Counter plan_misses;         // requests that went to the application
  Counter plan_stale;          // of those, because an epoch had moved
  Counter plan_entries;        // gauge
  Counter plan_bytes;          // gauge: bodies and heads held in memory
  Counter received_bytes;      // request bodies
  Counter uploads;             // bodies received whole
  Counter uploads_aborted;     // given up, for whatever reason
  Counter uploads_lost;        // of those, because the connection ended before the body had come
  Counter uploads_displaced;   // of those, because their connection was ended for another client
  Counter cold_opens;          // blobs opened by the I/O pool because their inodes were not in memory
  Counter cold_reads;          // chunks read by the I/O pool because they were not in the page cache
  Counter seal_broken;         // deliveries stopped because the file had changed
  Counter write_stalls;        // connections cut because the client stopped reading
  Counter access_log_dropped;  // lines that the disk did not take in time
  Histogram handshake_time;    // from accept(2) to the end of the handshake
  Histogram application_time;  // from the complete request head to the application's answer
  CounterSet<Path> cpu_path;   // nanoseconds of the reactor's thread by what it served last; from samples
  Counter cpu_handshake;       // nanoseconds of handshakes; from samples
  Counter cpu_receive;         // nanoseconds of receiving request bodies; from samples
  CounterSet<KtlsMode> modes_tx, modes_rx;  // of keys given to the kernel: who took them
  Counter offload_asked;    // keys given while the rollout allows offload, where a device does
  Counter offload_unasked;  // keys that a device took though the rollout does not
  SentTraffic sent;
  HttpResponses http_responses;  // without the sentinel's
  UploadSizes upload_sizes;
  CounterSet<Fallback> fallbacks;     // of sending
  CounterSet<Fallback> fallbacks_rx;  // of receiving
  CounterSet<Problem> problems;
  CounterSet<SealLevel> opens;    // blobs opened to be delivered, by the level that was proved
  CounterSet<State> connections;  // gauges
  GroupCounters groups[static_cast<size_t>(Group::count_)];
  GroupTotals& of(Group group, bool movable) { return groups[static_cast<size_t>(group)].of(movable); }
  ResponseTimes times;

  // Calls visit(name, value) for each: "accepted", "bytes.tls-file", "connections.idle".
  template <typename Visit>
  void each(Visit visit) const;
};

template <typename Visit>
void Counters::each(Visit visit) const {
  const std::initializer_list<std::pair<const char*, const Counter*>> single = {
      {"accepted", &accepted},
      {"displaced", &displaced},
      {"turned_away", &turned_away},
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
      {"write_stalls", &write_stalls},
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
  opens.each("opens.", seal_level_name, visit);
  connections.each("connections.", state_name, visit);
  traffic.each(visit);
  for (size_t i = 0; i < static_cast<size_t>(Group::count_); i++) {
    groups[i].each(group_name(static_cast<Group>(i)), visit);
  }
  times.each(visit);
}

}  // namespace sealgate
