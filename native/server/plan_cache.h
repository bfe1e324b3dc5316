// PlanCache: PlanKey → OpenedPlan, of one reactor. Bounded in entries and in bytes. Once it is full, a
// plan is kept when it is offered for the second time (TinyLFU's doorkeeper: Einziger et al., ACM TOS 2017):
// what is asked for once displaces nothing. SIEVE decides what goes (Zhang et al., NSDI 2024: one visited
// bit an entry, a hand that moves from old to new), so a hit writes one bit.
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
  // `now`: seconds since the epoch, as somebody else keeps them.
  PlanCache(size_t max_entries, size_t max_bytes, const Epochs& epochs, const int64_t& now,
            Counters& counters)
      : max_entries_(max_entries), max_bytes_(max_bytes), epochs_(epochs), now_(now), counters_(counters) {}

  // Null when there is none, its epoch has moved or its time is over: then it is stale.
  const std::shared_ptr<const OpenedPlan>* find(const PlanKey& key);
  // Whether the plan is kept from now on. One that is stale is not.
  bool offer(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan);
  void insert(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan);
  void erase(const PlanKey& key);
  // Gives up the plans that would go next, up to so many. False when there was none.
  bool evict(size_t plans);
  // Gives up the plans that are stale, with the files they hold open, without waiting until somebody asks for
  // them.
  void drop_stale();
  // The plan under this key now holds an answer; counts its bytes.
  void grew(const PlanKey& key);

 private:
  struct Entry {
    uint32_t mount;
    std::string text;
    std::shared_ptr<const OpenedPlan> plan;
    size_t bytes;
    bool visited = false;
    PlanKey key() const { return {mount, text}; }
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
  std::unordered_map<PlanKey, Entries::iterator, PlanKeyHash> index_;  // keys: views of Entry::text
  Entries::iterator hand_ = entries_.end();
  size_t bytes_ = 0;
  // The doorkeeper: halves of the hashes of keys offered lately, each where the other half says. A newer one
  // takes the place of an older one.
  std::vector<uint32_t> offered_;
};

}  // namespace sealgate
