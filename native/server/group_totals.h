// GroupTotals: what connections of one group of the rollout did, so that groups can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "tls/tls_counters.h"

namespace sealgate {

struct GroupTotals : TlsGroupCounters {
  Counter connections;
  Counter moved;  // connections of which the kernel took at least one direction
  Counter responses;
  Counter bytes;     // of heads and bodies sent, before TLS
  Counter received;  // bytes of request bodies that were answered
  Counter cpu;       // nanoseconds of the reactor's thread, handshakes left out; from samples
  Counter cut_by_server, cut_by_client;  // responses that ended before their last byte
};

// One group's totals in two parts. A connection is movable from its first transfer on that the kernel could
// take: what decides is the transfer, not the group, so it is the same kind of connection in the canary,
// which then moves, and in the control group, which does not. Only these parts show what kernel TLS changes.
class GroupCounters {
 public:
  GroupTotals& of(bool movable) { return movable ? movable_ : rest_; }

  // Visits "group_bytes.canary", of all its connections, and "movable_bytes.canary".
  template <typename Visit>
  void each(std::string_view name, Visit& visit) const;

 private:
  GroupTotals rest_, movable_;  // a movable connection is counted in both
};

template <typename Visit>
void GroupCounters::each(std::string_view name, Visit& visit) const {
  const std::string group(name);
  const auto both = [&](const std::string& what, uint64_t rest, uint64_t movable) {
    visit("group_" + what, rest + movable);
    visit("movable_" + what, movable);
  };
  const auto total = [&](const char* what, Counter GroupTotals::*which) {
    both(what + ("." + group), (rest_.*which).get(), (movable_.*which).get());
  };
  visit("group_connections." + group, rest_.connections.get());
  visit("movable_connections." + group, movable_.connections.get());
  total("moved", &GroupTotals::moved);
  total("responses", &GroupTotals::responses);
  total("bytes", &GroupTotals::bytes);
  total("received", &GroupTotals::received);
  total("kernel_bytes", &GroupTotals::kernel_bytes);
  total("cpu", &GroupTotals::cpu);
  both("cut." + group + "/server", rest_.cut_by_server.get(), movable_.cut_by_server.get());
  both("cut." + group + "/client", rest_.cut_by_client.get(), movable_.cut_by_client.get());
  for (size_t i = 0; i < static_cast<size_t>(ChannelError::count_); i++) {
    const auto error = static_cast<ChannelError>(i);
    const uint64_t rest = rest_.errors.get(error), movable = movable_.errors.get(error);
    if (rest + movable == 0) continue;
    std::string kind = "errors." + group;
    kind.append(client_left(error) ? "/client/" : "/server/").append(channel_error_name(error));
    both(kind, rest, movable);
  }
}

}  // namespace sealgate
