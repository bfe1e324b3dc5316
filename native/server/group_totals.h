// GroupTotals: totals of the connections of one rollout group, so that groups can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "tls/tls_counters.h"

namespace sealgate {

struct GroupTotals : TlsGroupCounters {
  Counter connections;
  Counter moved;  // connections with at least one direction in the kernel
  Counter responses;
  Counter bytes;     // bytes of responses with their heads, before TLS
  Counter received;  // bytes of request bodies that were answered
  Counter cpu;       // the reactor thread's CPU nanoseconds without handshakes; estimated from samples
  Counter cut_by_server, cut_by_client;  // responses that ended before their last byte
};

// The totals of one group in two parts. A connection becomes movable with its first transfer that the
// kernel could take. That depends on the transfer and not on the group, so movable connections are the
// same kind in the canary, where they move, and in the control group, where they do not: only their totals
// show what kernel TLS changes.
class GroupCounters {
 public:
  GroupTotals& of(bool movable) { return movable ? movable_ : rest_; }

  // Visits "group_bytes.canary" with the totals of all its connections, and "movable_bytes.canary".
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
