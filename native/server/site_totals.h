// SiteTotals: what was answered for one site. SiteCounters: those of all sites of a reactor, by name, so that
// a site which is read again, or comes back, goes on counting where it was.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/counter.h"
#include "server/cmcd_totals.h"

namespace sealgate {

struct SiteTotals {
  Counter responses[8];  // whole ones by status / 100, which is 1 to 5; rounded up to a power of two
  Counter sent;          // bytes of responses with their heads, before TLS
  Counter received;      // bytes of request bodies that were answered
  Counter cut;           // responses that ended before their last byte
  // What players say; null: the site does not read it.
  std::atomic<CmcdTotals*> cmcd{nullptr};
  std::unique_ptr<CmcdTotals> cmcd_memory;  // of when it last did, under the mutex of SiteCounters

  void add(int status, uint64_t sent_bytes, uint64_t received_bytes) {
    responses[static_cast<unsigned>(status) / 100 % 8].add();
    sent.add(sent_bytes);
    received.add(received_bytes);
  }
};

// Any thread may call it; the totals are written by the reactor's.
class SiteCounters {
 public:
  // The totals of all names behind this many are one, so that configurations that keep changing take no
  // memory without end.
  static constexpr size_t kMostNames = 4096;
  static constexpr const char* kOthers = "(others)";

  // Stays valid. Null for an empty name, which is that of no site.
  SiteTotals* of(const std::string& name);
  // From now on the site reads what players say, or does not.
  void read_cmcd(SiteTotals& site, bool reads);
  // Visits "site_responses.2xx/NAME" and "site_sent.NAME"; what never occurred is left out.
  template <typename Visit>
  void each(Visit visit) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, SiteTotals> sites_;  // its values stay where they are
};

template <typename Visit>
void SiteCounters::each(Visit visit) const {
  const std::lock_guard lock(mutex_);
  const auto total = [&](const std::string& name, const Counter& counter) {
    if (const uint64_t n = counter.get()) visit(name, n);
  };
  for (const auto& [name, totals] : sites_) {
    for (size_t i = 0; i < std::size(totals.responses); i++) {
      total("site_responses." + std::to_string(i) + "xx/" + name, totals.responses[i]);
    }
    total("site_sent." + name, totals.sent);
    total("site_received." + name, totals.received);
    total("site_cut." + name, totals.cut);
    if (totals.cmcd_memory) totals.cmcd_memory->each(name, visit);
  }
}

}  // namespace sealgate
