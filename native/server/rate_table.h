// RateTable: how far each client has used up its limits, for all workers together. A fixed table: no number
// of clients takes more memory. A limit is kept by the generic cell rate algorithm (ITU-T I.371), which needs
// one number for each client, the theoretical arrival time (TAT): when what it has had so far is due at its
// rate.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace sealgate {

// So many per second, and so many at once.
struct Rate {
  double per_second = 1;
  double burst = 1;

  // Nanoseconds that so many take at this rate, a century at most.
  int64_t time_of(double count) const {
    constexpr double kCentury = 100 * 365.25 * 86'400 * 1e9;
    return static_cast<int64_t>(std::min(count * 1e9 / per_second, kCentury));
  }
};

class RateTable {
 public:
  // @param slots a power of two, at least kWays.
  explicit RateTable(size_t slots = size_t{1} << 17);

  // Takes one of what the rate allows to who has this key. Times are nanoseconds of a clock that all threads
  // share.
  // @returns 0: it is taken; else nothing is, and so many nanoseconds later it can be.
  int64_t take(uint64_t key, const Rate& rate, int64_t now);
  // The same for what is known only once it is used: so many are charged to this key, whether the rate allows
  // them or not.
  void charge(uint64_t key, const Rate& rate, double count, int64_t now);
  // @returns 0: what was charged leaves something of what the rate allows; else so many nanoseconds later it
  // does.
  int64_t debt(uint64_t key, const Rate& rate, int64_t now) const;

 private:
  // Of two groups of slots in which a key may be, each of this many.
  static constexpr size_t kWays = 4;

  struct Slot {
    std::atomic<uint64_t> key{0};  // 0: nobody's
    std::atomic<int64_t> tat{0};
  };

  const Slot* find(uint64_t key) const;
  Slot& slot_of(uint64_t key);
  size_t group_of(uint64_t key, unsigned which) const;

  const size_t groups_;
  const std::unique_ptr<Slot[]> slots_;
};

}  // namespace sealgate
