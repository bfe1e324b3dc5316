// TlsCounters: counters of the channels of one reactor. TlsGroupCounters: those of one rollout group.
#pragma once

#include "base/counter.h"
#include "tls/channel_error.h"
#include "tls/tls_traffic.h"

namespace sealgate {

struct TlsCounters {
  Counter ktls_switched;          // connections whose sending moved to kernel TLS
  Counter ktls_switched_rx;       // connections whose receiving moved to kernel TLS
  Counter zero_copy_connections;  // connections on which TLS_TX_ZEROCOPY_RO was set
  Counter zero_copy_bytes;        // bytes that sendfile(2) sent on them
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
