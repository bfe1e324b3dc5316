#include "server/site_totals.h"

namespace sealgate {

SiteTotals* SiteCounters::of(const std::string& name) {
  if (name.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = sites_.find(name);
  if (found != sites_.end()) return &found->second;
  return &sites_[sites_.size() < kMostNames ? name : kOthers];
}

void SiteCounters::read_cmcd(SiteTotals& site, bool reads) {
  const std::lock_guard lock(mutex_);
  if (reads && !site.cmcd_memory) site.cmcd_memory = std::make_unique<CmcdTotals>();
  site.cmcd.store(reads ? site.cmcd_memory.get() : nullptr, std::memory_order_release);
}

}  // namespace sealgate
