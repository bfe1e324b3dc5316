// Counter: a number that one thread writes and any other reads, so a relaxed load and store is enough and no
// increment needs a locked instruction.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sealgate {

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
  uint64_t get(Name name) const { return counters_[static_cast<size_t>(name)].get(); }
  template <typename Visit>
  void each(const char* prefix, std::string_view (*name_of)(Name), Visit& visit) const {
    for (size_t i = 0; i < static_cast<size_t>(Name::count_); i++) {
      visit(prefix + std::string(name_of(static_cast<Name>(i))), counters_[i].get());
    }
  }

 private:
  Counter counters_[static_cast<size_t>(Name::count_)];
};

}  // namespace sealgate
