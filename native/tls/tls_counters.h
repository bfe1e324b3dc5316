// TlsCounters: what channels count for the reactor they are of, and TlsGroupCounters for a group of the
// rollout.
#pragma once

#include "base/counter.h"
#include "tls/channel_error.h"
#include "tls/tls_traffic.h"

namespace sealgate {

struct TlsCounters {
  Counter ktls_switched;     // connections whose sending moved to kernel TLS
  Counter ktls_switched_rx;  // whose receiving did
  Counter key_updates_received;
  Counter key_updates_sent;
  CounterSet<ChannelError> errors;
  TlsTraffic traffic;
};

struct TlsGroupCounters {
  Counter kernel_bytes;  // of application data that the kernel encrypted or decrypted
  CounterSet<ChannelError> errors;
};

}  // namespace sealgate
