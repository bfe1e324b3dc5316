// PlanCache: the kept plans of one reactor, by PlanKey, bounded in number and in bytes. A full cache keeps
// a plan only when it is offered for the second time (TinyLFU's doorkeeper: Einziger et al., ACM TOS
// 2017), so that content requested once displaces nothing. SIEVE chooses what is evicted (Zhang et al.,
// NSDI 2024: one visited bit an entry, a hand that moves from old to new), so a hit writes one bit.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/counters.h"
#include "server/plan.h"
#include "server/plan_key.h"

namespace sealgate {

class PlanCache {
 public:
  // `now`: the caller's clock, seconds since the epoch, read at each look-up.
  PlanCache(size_t max_entries, size_t max_bytes, const Epochs& epochs, const int64_t& now,
            Counters& counters)
      : max_entries_(max_entries), max_bytes_(max_bytes), epochs_(epochs), now_(now), counters_(counters) {}

  // Null when there is no plan, or it is stale: its epoch has moved, or its time is over.
  const std::shared_ptr<const OpenedPlan>* find(const PlanKey& key);
  // Whether a plan for the current request was stale.
  bool found_stale() const { return stale_at_ == counters_.requests.get(); }
  // Keeps the plan if the cache has room for it or it is offered again, and returns whether it did. A
  // stale plan is not kept.
  bool offer(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan);
  void insert(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan);
  void erase(const PlanKey& key);
  // Evicts up to so many plans. False when there was none.
  bool evict(size_t plans);
  // Removes stale plans and closes their files, instead of waiting until they are looked up.
  void drop_stale();
  // Removes the plans of mounts that the table does not have, and closes their files.
  void keep_those_of(const MountTable& mounts);
  // The plan of this key has received an answer; its bytes are added to the total.
  void grew(const PlanKey& key);

 private:
  struct Entry {
    uint32_t mount;
    uint32_t codings;
    std::string text;
    std::shared_ptr<const OpenedPlan> plan;
    size_t bytes;
    bool visited = false;
    PlanKey key() const { return {mount, codings, text}; }
  };
  using Entries = std::list<Entry>;  // newest first

  bool stale(const OpenedPlan& plan) const {
    const std::optional<Epoch>& cache = plan.plan.cache;
    return !cache || epochs_.read(cache->slot) != cache->epoch || plan.plan.expires <= now_;
  }
  void remove(Entries::iterator entry);
  void shrink();
  void evict_one();
  bool full(size_t bytes) const;
  bool offered_before(const PlanKey& key);
  static size_t cost(const PlanKey& key, const OpenedPlan& plan);

  size_t max_entries_, max_bytes_;
  const Epochs& epochs_;
  const int64_t& now_;
  Counters& counters_;
  Entries entries_;
  std::unordered_map<PlanKey, Entries::iterator, PlanKeyHash> index_;  // its keys are views of Entry::text
  Entries::iterator hand_ = entries_.end();
  size_t bytes_ = 0;
  uint64_t stale_at_ = 0;  // the number of the last request for which a plan was stale
  // The doorkeeper: one half of the hash of each key offered lately, at a place that the other half gives.
  // A newer entry overwrites an older one.
  std::vector<uint32_t> offered_;
};

}  // namespace sealgate
