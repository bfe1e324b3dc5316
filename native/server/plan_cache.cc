#include "server/plan_cache.h"

#include <bit>
#include <utility>

namespace sealgate {

const std::shared_ptr<const OpenedPlan>* PlanCache::find(const PlanKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  Entry& entry = *found->second;
  if (stale(*entry.plan)) {
    counters_.plan_stale.add();
    stale_at_ = counters_.requests.get();
    remove(found->second);
    return nullptr;
  }
  entry.visited = true;
  return &entry.plan;
}

bool PlanCache::offer(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan) {
  if (stale(*plan) || (full(cost(key, *plan)) && !offered_before(key))) return false;
  insert(key, std::move(plan));
  return true;
}

bool PlanCache::full(size_t bytes) const {
  return entries_.size() >= max_entries_ || bytes_ + bytes > max_bytes_;
}

bool PlanCache::offered_before(const PlanKey& key) {
  if (offered_.empty()) offered_.resize(2 * std::bit_ceil(max_entries_));
  const uint64_t hash = index_.hash_function()(key);
  const auto half = static_cast<uint32_t>(hash >> 32) | 1;  // never 0, which means an empty slot
  return std::exchange(offered_[hash & (offered_.size() - 1)], half) == half;
}

void PlanCache::insert(const PlanKey& key, std::shared_ptr<const OpenedPlan> plan) {
  const size_t bytes = cost(key, *plan);
  if (bytes > max_bytes_) return erase(key);
  entries_.push_front({key.mount, key.codings, std::string(key.text), std::move(plan), bytes});
  auto [known, fresh] = index_.emplace(entries_.front().key(), entries_.begin());
  if (!fresh) {
    remove(known->second);
    index_.emplace(entries_.front().key(), entries_.begin());
  }
  bytes_ += bytes;
  counters_.plan_entries.add();
  counters_.plan_bytes.add(bytes);
  shrink();
}

void PlanCache::erase(const PlanKey& key) {
  if (const auto found = index_.find(key); found != index_.end()) remove(found->second);
}

void PlanCache::drop_stale() {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto looked_at = entry++;
    if (!stale(*looked_at->plan)) continue;
    counters_.plan_stale.add();
    remove(looked_at);
  }
}

void PlanCache::keep_those_of(const MountTable& mounts) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto looked_at = entry++;
    if (!mounts.has(looked_at->mount)) remove(looked_at);
  }
}

void PlanCache::grew(const PlanKey& key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  Entry& entry = *found->second;
  const size_t bytes = cost(key, *entry.plan);
  bytes_ += bytes - entry.bytes;
  counters_.plan_bytes.add(bytes - entry.bytes);
  entry.bytes = bytes;
  shrink();
}

void PlanCache::remove(Entries::iterator entry) {
  if (hand_ == entry) hand_ = entry == entries_.begin() ? entries_.end() : std::prev(entry);
  bytes_ -= entry->bytes;
  counters_.plan_entries.sub();
  counters_.plan_bytes.sub(entry->bytes);
  index_.erase(entry->key());
  entries_.erase(entry);
}

void PlanCache::shrink() {
  while (entries_.size() > 1 && (entries_.size() > max_entries_ || bytes_ > max_bytes_)) evict_one();
}

bool PlanCache::evict(size_t plans) {
  if (entries_.empty()) return false;
  for (; plans > 0 && entries_.size() > 1; plans--) evict_one();
  if (plans > 0) remove(entries_.begin());
  return true;
}

// SIEVE's eviction: the hand walks from the oldest entry to the newest and starts again; it evicts the
// first entry that was not visited since the hand last passed. end() means that the hand starts at the
// oldest. The newest entry was just asked for, so it is never evicted.
void PlanCache::evict_one() {
  for (;;) {
    if (hand_ == entries_.end()) hand_ = std::prev(entries_.end());
    if (!hand_->visited && hand_ != entries_.begin()) return remove(hand_);
    hand_->visited = false;
    hand_ = hand_ == entries_.begin() ? entries_.end() : std::prev(hand_);
  }
}

size_t PlanCache::cost(const PlanKey& key, const OpenedPlan& plan) {
  // Bytes an entry takes besides its texts: list and table nodes, the plan, an open file.
  constexpr size_t kBookkeeping = 512;
  const size_t answer = plan.answer ? plan.answer->bytes() : 0;
  size_t fields = 0;
  for (const ResponseFields* some : {&plan.plan.fields, &plan.plan.content_fields})
    for (const auto& field : *some) fields += sizeof field + field.first.size() + field.second.size();
  return key.text.size() + fields + plan.plan.content_type.size() + answer + kBookkeeping;
}

}  // namespace sealgate
