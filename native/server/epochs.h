// Epochs: counters, shared by all reactors, that plans depend on. A writer increments a slot after its
// commit. They are in memory that another process can be given: while one server takes over from another, a
// change that either makes is seen by both.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/fd.h"
#include "base/status.h"

namespace sealgate {

class Epochs {
 public:
  static constexpr size_t kSlots = 4096;

  Epochs();
  Epochs(const Epochs&) = delete;
  Epochs& operator=(const Epochs&) = delete;
  ~Epochs();

  uint64_t read(size_t slot) const { return slots_[slot % kSlots].load(std::memory_order_acquire); }
  void bump(size_t slot) { slots_[slot % kSlots].fetch_add(1, std::memory_order_acq_rel); }

  // The memory; empty: the kernel gave none that can be shared.
  const Fd& memory() const { return memory_; }
  // Goes on with the counters of another process. Called before anybody reads one.
  Status adopt(Fd memory);

 private:
  using Slot = std::atomic<uint64_t>;
  static_assert(Slot::is_always_lock_free);
  static constexpr size_t kBytes = kSlots * sizeof(Slot);

  Fd memory_;
  Slot* slots_;
};

}  // namespace sealgate
