// Histogram: durations in microseconds, with four buckets per power of two (as in HDR histograms), so that a
// bucket's bound is at most a quarter above its values. One thread writes, any thread reads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/counter.h"

namespace sealgate {

class Histogram {
 public:
  // A duration with its bucket, computed once for use in several histograms.
  struct Observation {
    explicit Observation(int64_t microseconds)
        : value(static_cast<uint64_t>(std::clamp<int64_t>(microseconds, 0, kMost))),
          bucket(bucket_of(value)) {}
    uint64_t value;
    size_t bucket;
  };

  void observe(int64_t microseconds) { add(Observation(microseconds)); }
  void add(const Observation& one) {
    buckets_[one.bucket].add();
    sum_.add(one.value);
  }
  // Calls visit(upper bound in microseconds, inclusive; number of observations) for each bucket that is not
  // empty.
  template <typename Visit>
  void each(Visit visit) const {
    for (size_t i = 0; i < kBuckets; i++) {
      if (const uint64_t n = buckets_[i].get()) visit(bound_of(i), n);
    }
  }
  uint64_t sum() const { return sum_.get(); }
  uint64_t count() const {
    uint64_t out = 0;
    each([&](uint64_t, uint64_t n) { out += n; });
    return out;
  }
  // Adds the observations of another histogram.
  void include(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; i++) buckets_[i].add(other.buckets_[i].get());
    sum_.add(other.sum());
  }

  static constexpr size_t bucket_of(uint64_t value) {
    if (value < 4) return static_cast<size_t>(value);
    const int octave = std::bit_width(value) - 3;
    return static_cast<size_t>(octave) * 4 + static_cast<size_t>(value >> octave);
  }
  static constexpr uint64_t bound_of(size_t bucket) {
    if (bucket < 4) return bucket;
    const size_t octave = bucket / 4 - 1;
    return ((bucket % 4 + 5) << octave) - 1;
  }

 private:
  static constexpr int64_t kMost = (int64_t{1} << 32) - 1;  // over an hour
  static constexpr size_t kBuckets = 31 * 4;
  Counter buckets_[kBuckets];
  Counter sum_;
};

// Visits "NAME.LABEL/1023" with the observations up to that many microseconds, and "NAME_sum.LABEL" with
// their sum. Without a label: "NAME.1023" and "NAME_sum".
template <typename Visit>
void visit_histogram(const std::string& name, const Histogram& histogram, Visit& visit,
                     std::string_view label = {}) {
  const std::string tail = label.empty() ? "" : std::string(label) + "/";
  histogram.each([&](uint64_t bound, uint64_t n) { visit(name + "." + tail + std::to_string(bound), n); });
  visit(name + "_sum" + (label.empty() ? "" : "." + std::string(label)), histogram.sum());
}

}  // namespace sealgate
