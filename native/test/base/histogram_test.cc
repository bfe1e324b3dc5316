// Buckets cover every duration, in order, none wider than a quarter of what it begins with.
#include "base/histogram.h"

#include <map>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

TEST_CASE("buckets are in order and hold what is counted in them") {
  size_t last = 0;
  for (uint64_t value = 0; value < 200'000; value++) {
    const size_t bucket = Histogram::bucket_of(value);
    CHECK((bucket == last || bucket == last + 1));
    CHECK(value <= Histogram::bound_of(bucket));
    if (bucket > 0) CHECK(value > Histogram::bound_of(bucket - 1));
    if (value >= 4) CHECK(Histogram::bound_of(bucket) - value <= value / 4);
    last = bucket;
  }
}

TEST_CASE("observed values are in their buckets, with their sum") {
  Histogram histogram;
  for (const int64_t value : {0, 1, 1, 1000, 1'000'000}) histogram.observe(value);
  std::map<uint64_t, uint64_t> found;
  histogram.each([&](uint64_t bound, uint64_t n) { found[bound] = n; });
  CHECK_EQ(found.size(), size_t{4});
  CHECK_EQ(found[0], uint64_t{1});
  CHECK_EQ(found[1], uint64_t{2});
  CHECK_EQ(histogram.sum(), uint64_t{1'001'002});
}

TEST_CASE("clocks that step back and hours are kept within the buckets") {
  Histogram histogram;
  histogram.observe(-5);
  histogram.observe(INT64_MAX);
  uint64_t observations = 0;
  histogram.each([&](uint64_t, uint64_t n) { observations += n; });
  CHECK_EQ(observations, uint64_t{2});
}

}  // namespace
}  // namespace sealgate
