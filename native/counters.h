// Counters: what one reactor did, as monotonic totals and a few gauges. Written by the reactor's thread alone
// and read by any other, so a relaxed load and store is enough and no increment needs a locked instruction.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "channel_error.h"
#include "ktls.h"
#include "problem.h"

namespace sealgate {

// How the bytes of a response left.
enum class Path : uint8_t {
  ktls_sendfile,
  ktls_send,
  tls_file,
  tls_send,
  plain_sendfile,
  plain_send,
  count_
};

// Why a TLS connection's bytes did not go by kernel TLS.
enum class Fallback : uint8_t {
  none,                  // it is in the kernel
  off,                   // ktls.mode
  kernel_unsupported,    // the probe found no kTLS for this protocol and cipher
  protocol_unsupported,  // a TLS version kTLS does not know
  cipher_unsupported,    // a cipher kTLS does not know
  too_short,             // no response reached ktls.minBytes
  pending_data,          // OpenSSL held output when the connection could have moved
  record_size_limit,     // the peer takes shorter records only than the kernel sends
  install_failed,        // the kernel refused the keys
  rekey_unsupported,     // the key had to be replaced, which this kernel cannot do: the connection ended in
                         // order
  key_spent,             // the key had protected all the records that it may, and TLS 1.2 cannot replace it
  count_,
};

enum class State : uint8_t {
  handshake,  // TLS handshake under way
  idle,       // between requests
  head,       // a request head is arriving
  waiting,    // the front end is deciding
  receiving,  // a request body is arriving
  sending,    // a response is leaving
  lingering,  // everything was sent; what the client still sends is read and dropped (RFC 9112 9.6)
  closed,
  count_,
};

std::string_view path_name(Path path);
std::string_view fallback_name(Fallback fallback);
std::string_view state_name(State state);

class Counter {
 public:
  void add(uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void sub(uint64_t n = 1) { value_.store(get() - n, std::memory_order_relaxed); }
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

template <typename Name>
class CounterSet {
 public:
  Counter& operator[](Name name) { return counters_[static_cast<size_t>(name)]; }
  template <typename Visit>
  void each(const char* prefix, std::string_view (*name_of)(Name), Visit& visit) const {
    for (size_t i = 0; i < static_cast<size_t>(Name::count_); i++) {
      visit(prefix + std::string(name_of(static_cast<Name>(i))), counters_[i].get());
    }
  }

 private:
  Counter counters_[static_cast<size_t>(Name::count_)];
};

// What went by TLS, by protocol, cipher, direction and whoever had the record layer.
class TlsTraffic {
 public:
  // Of one protocol and cipher.
  struct Suite {
    struct Cell {
      Counter connections;  // that it had, at any time
      Counter bytes;        // of application data
    };
    Cell cells[2][2];  // by Direction, then OpenSSL or the kernel
  };
  Suite& suite(TlsVersion version, std::optional<Aead> aead) {
    return suites_[static_cast<size_t>(version)][aead ? static_cast<size_t>(*aead) : kAeads];
  }
  // "tls_bytes.TLSv1.3/AES-128-GCM/tx/kernel"; combinations that never occurred are left out.
  template <typename Visit>
  void each(Visit& visit) const;

 private:
  Suite suites_[2][kAeads + 1];  // the last: ciphers that the kernel does not know
};

struct Counters {
  Counter accepted;            // connections
  Counter requests;            // heads parsed
  Counter handshakes;          // completed
  Counter handshakes_resumed;  // of those
  Counter handshakes_failed;
  Counter plan_hits;
  Counter plan_misses;     // requests that went to the front end
  Counter plan_stale;      // of those, because an epoch had moved
  Counter plan_entries;    // gauge
  Counter plan_bytes;      // gauge: bodies and heads held in memory
  Counter received_bytes;  // request bodies
  Counter uploads;         // bodies received whole
  Counter uploads_aborted;
  Counter cold_reads;        // chunks read by the I/O pool because they were not in the page cache
  Counter seal_broken;       // deliveries stopped because the file had changed
  Counter ktls_switched;     // connections whose sending moved to kernel TLS
  Counter ktls_switched_rx;  // whose receiving did
  Counter key_updates_received;
  Counter key_updates_sent;    // by us; not those that OpenSSL sends because it was asked to
  Counter write_stalls;        // connections cut because the client stopped reading
  Counter access_log_dropped;  // lines that the disk did not take in time
  CounterSet<Path> responses;
  CounterSet<Path> bytes;             // of heads and bodies, before TLS
  CounterSet<Fallback> fallbacks;     // of sending
  CounterSet<Fallback> fallbacks_rx;  // of receiving
  CounterSet<ChannelError> errors;
  CounterSet<Problem> problems;
  CounterSet<State> connections;  // gauges
  TlsTraffic tls;

  // Calls visit(name, value) for each: "accepted", "bytes.tls-file", "connections.idle".
  template <typename Visit>
  void each(Visit visit) const;
};

template <typename Visit>
void Counters::each(Visit visit) const {
  const std::initializer_list<std::pair<const char*, const Counter*>> single = {
      {"accepted", &accepted},
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
      {"cold_reads", &cold_reads},
      {"seal_broken", &seal_broken},
      {"ktls_switched", &ktls_switched},
      {"ktls_switched_rx", &ktls_switched_rx},
      {"key_updates_received", &key_updates_received},
      {"key_updates_sent", &key_updates_sent},
      {"write_stalls", &write_stalls},
      {"access_log_dropped", &access_log_dropped},
  };
  for (const auto& [name, counter] : single) visit(std::string(name), counter->get());
  responses.each("responses.", path_name, visit);
  bytes.each("bytes.", path_name, visit);
  fallbacks.each("fallback.", fallback_name, visit);
  fallbacks_rx.each("fallback_rx.", fallback_name, visit);
  errors.each("errors.", channel_error_name, visit);
  problems.each("problems.", problem_name, visit);
  connections.each("connections.", state_name, visit);
  tls.each(visit);
}

template <typename Visit>
void TlsTraffic::each(Visit& visit) const {
  for (size_t v = 0; v < 2; v++) {
    for (size_t a = 0; a <= kAeads; a++) {
      const std::string_view cipher = a < kAeads ? aead_name(static_cast<Aead>(a)) : "other";
      const std::string suite =
          std::string(version_name(static_cast<TlsVersion>(v))) + "/" + std::string(cipher);
      for (size_t cell = 0; cell < 4; cell++) {
        const Suite::Cell& found = suites_[v][a].cells[cell / 2][cell % 2];
        if (found.connections.get() == 0) continue;
        const std::string name =
            suite + (cell / 2 == 0 ? "/tx/" : "/rx/") + (cell % 2 == 0 ? "openssl" : "kernel");
        visit("tls_connections." + name, found.connections.get());
        visit("tls_bytes." + name, found.bytes.get());
      }
    }
  }
}

}  // namespace sealgate
