#include "server/rate_table.h"

#include <algorithm>

namespace sealgate {

RateTable::RateTable(size_t slots) : groups_(slots / kWays), slots_(new Slot[slots]) {}

// Keys are hashes that no client can foresee, so their halves serve as two hashes.
size_t RateTable::group_of(uint64_t key, unsigned which) const {
  return static_cast<size_t>(which == 0 ? key : key >> 32) & (groups_ - 1);
}

const RateTable::Slot* RateTable::find(uint64_t key) const {
  for (const unsigned which : {0u, 1u}) {
    const Slot* const group = &slots_[group_of(key, which) * kWays];
    for (size_t i = 0; i < kWays; i++) {
      if (group[i].key.load(std::memory_order_acquire) == key) return &group[i];
    }
  }
  return nullptr;
}

// Where there is no slot, it takes that whose time is oldest: who had it begins anew, and so does this key. A
// slot is nobody's while its time is cleared, so nobody inherits what another has used up.
RateTable::Slot& RateTable::slot_of(uint64_t key) {
  for (;;) {
    if (const Slot* const found = find(key)) return const_cast<Slot&>(*found);
    Slot* oldest = &slots_[group_of(key, 0) * kWays];
    for (const unsigned which : {0u, 1u}) {
      Slot* const group = &slots_[group_of(key, which) * kWays];
      for (size_t i = 0; i < kWays; i++) {
        if (!oldest ||
            group[i].tat.load(std::memory_order_relaxed) < oldest->tat.load(std::memory_order_relaxed))
          oldest = &group[i];
      }
    }
    uint64_t before = oldest->key.load(std::memory_order_relaxed);
    if (!oldest->key.compare_exchange_strong(before, 0, std::memory_order_acq_rel)) continue;
    oldest->tat.store(0, std::memory_order_relaxed);
    before = 0;
    if (oldest->key.compare_exchange_strong(before, key, std::memory_order_acq_rel)) return *oldest;
  }
}

int64_t RateTable::take(uint64_t key, const Rate& rate, int64_t now) {
  const int64_t cost = rate.time_of(1), tolerance = rate.time_of(rate.burst);
  for (;;) {
    // Looked for each time: meanwhile it may have become another's.
    Slot& slot = slot_of(key | 1);
    int64_t tat = slot.tat.load(std::memory_order_relaxed);
    const int64_t next = std::max(tat, now) + cost;
    if (next - now > tolerance) return next - now - tolerance;
    if (slot.tat.compare_exchange_strong(tat, next, std::memory_order_relaxed)) return 0;
  }
}

// Debts of more than a year are none that anybody would wait for.
void RateTable::charge(uint64_t key, const Rate& rate, double count, int64_t now) {
  constexpr int64_t kYear = int64_t{365} * 86'400 * 1'000'000'000;
  for (;;) {
    Slot& slot = slot_of(key | 1);
    int64_t tat = slot.tat.load(std::memory_order_relaxed);
    const int64_t most = now + rate.time_of(rate.burst) + kYear;
    const int64_t next = std::min(std::max(tat, now) + rate.time_of(count), most);
    if (slot.tat.compare_exchange_strong(tat, next, std::memory_order_relaxed)) return;
  }
}

int64_t RateTable::debt(uint64_t key, const Rate& rate, int64_t now) const {
  const Slot* const slot = find(key | 1);
  if (!slot) return 0;
  const int64_t left = now + rate.time_of(rate.burst) - slot->tat.load(std::memory_order_relaxed);
  return left > 0 ? 0 : 1 - left;
}

}  // namespace sealgate
