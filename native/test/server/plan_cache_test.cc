// PlanCache keeps the plans that are asked for, within its bounds, until their epoch moves.
#include "server/plan_cache.h"

#include <doctest/doctest.h>
#include "server/http1_response.h"

namespace sealgate {
namespace {

constexpr size_t kMany = 1 << 20;

std::shared_ptr<OpenedPlan> plan(uint32_t slot = 0, uint64_t epoch = 0) {
  auto made = std::make_shared<OpenedPlan>();
  made->plan.cache = Epoch{slot, epoch};
  return made;
}

PlanKey of(std::string_view path, uint32_t mount = 1) { return {mount, 0, path}; }

struct Cache {
  explicit Cache(size_t entries, size_t bytes = kMany) : plans(entries, bytes, epochs, now, counters) {}
  void insert(std::initializer_list<const char*> keys) {
    for (const char* key : keys) plans.insert(of(key), plan());
  }
  bool has(const char* key) { return plans.find(of(key)) != nullptr; }

  Epochs epochs;
  int64_t now = 1'000'000;
  Counters counters;
  PlanCache plans;
};

TEST_CASE("a key is found with the plan given last, and no other key is") {
  Cache cache(4);
  const auto first = plan(), second = plan();
  cache.plans.insert(of("/a"), first);
  cache.plans.insert(of("/a"), second);
  REQUIRE(cache.has("/a"));
  CHECK(*cache.plans.find(of("/a")) == second);
  CHECK(!cache.has("/b"));
  CHECK(!cache.has("/A"));
  CHECK_EQ(cache.counters.plan_entries.get(), 1);
}

TEST_CASE("the same path below two mounts has two plans, and one of them goes alone") {
  Cache cache(4);
  const auto first = plan(), second = plan();
  cache.plans.insert(of("/a", 1), first);
  cache.plans.insert(of("/a", 2), second);
  CHECK(*cache.plans.find(of("/a", 1)) == first);
  CHECK(*cache.plans.find(of("/a", 2)) == second);
  CHECK(!cache.plans.find(of("/a", 3)));
  cache.plans.erase(of("/a", 1));
  CHECK(!cache.plans.find(of("/a", 1)));
  CHECK(*cache.plans.find(of("/a", 2)) == second);
}

TEST_CASE("plans of mounts that a table lacks are given up, and those of the others stay") {
  Cache cache(4);
  for (const uint32_t mount : {1, 2, 3}) cache.plans.insert(of("/a", mount), plan());
  cache.plans.keep_those_of(MountTable({{2, "*", "/", true, {}}, {4, "*", "/b/", true, {}}}));
  CHECK(!cache.plans.find(of("/a", 1)));
  CHECK(cache.plans.find(of("/a", 2)));
  CHECK(!cache.plans.find(of("/a", 3)));
  CHECK_EQ(cache.counters.plan_entries.get(), 1);
}

TEST_CASE("a plan goes when its slot's epoch moves, and no plan of another slot") {
  Cache cache(4);
  cache.plans.insert(of("/a"), plan(1, cache.epochs.read(1)));
  cache.plans.insert(of("/b"), plan(2, cache.epochs.read(2)));
  cache.epochs.bump(1);
  CHECK(!cache.has("/a"));
  CHECK(cache.has("/b"));
  CHECK_EQ(cache.counters.plan_stale.get(), 1);
  CHECK_EQ(cache.counters.plan_entries.get(), 1);
}

TEST_CASE("a plan made before its epoch moved is never found") {
  Cache cache(4);
  const auto late = plan(1, cache.epochs.read(1));
  cache.epochs.bump(1);
  cache.plans.insert(of("/a"), late);
  CHECK(!cache.has("/a"));
}

TEST_CASE("a plan is found until its time is over, and goes then") {
  Cache cache(4);
  const auto short_lived = plan();
  short_lived->plan.expires = cache.now + 10;
  CHECK(cache.plans.offer(of("/a"), short_lived));
  cache.plans.insert(of("/b"), plan());
  cache.now += 9;
  CHECK(cache.has("/a"));
  cache.now += 1;
  CHECK(!cache.has("/a"));
  CHECK(cache.has("/b"));
  CHECK(!cache.plans.offer(of("/a"), short_lived));
  CHECK_EQ(cache.counters.plan_entries.get(), 1);
}

TEST_CASE("a plan that does not say whom it may answer is not kept, nor is one that depends on fields") {
  DeliverPlan plan;
  CHECK(!plan.keepable());
  plan.cache = Epoch{};
  CHECK(!plan.keepable());
  plan.grant = "";
  CHECK(plan.keepable());
  plan.varies = {"accept"};
  CHECK(!plan.keepable());
}

TEST_CASE("dropping what is stale gives up plans whose epoch moved, unasked, and keeps the others") {
  Cache cache(kMany);
  const auto doomed = plan(1, cache.epochs.read(1));
  for (const char* key : {"/a", "/b", "/c"}) cache.plans.insert(of(key), plan(2, cache.epochs.read(2)));
  cache.plans.insert(of("/d"), doomed);
  cache.epochs.bump(1);
  cache.plans.drop_stale();
  CHECK_EQ(doomed.use_count(), 1);
  CHECK_EQ(cache.counters.plan_entries.get(), 3);
  for (const char* key : {"/a", "/b", "/c"}) CHECK(cache.plans.find(of(key)) != nullptr);
}

TEST_CASE("a plan whose epoch moved before it is offered is not kept") {
  Cache cache(kMany);
  const auto late = plan(1, cache.epochs.read(1));
  cache.epochs.bump(1);
  CHECK(!cache.plans.offer(of("/a"), late));
  CHECK_EQ(late.use_count(), 1);
}

TEST_CASE("an erased key is gone, another stays") {
  Cache cache(4);
  cache.insert({"/a", "/b"});
  cache.plans.erase(of("/a"));
  cache.plans.erase(of("/a"));
  CHECK(!cache.has("/a"));
  CHECK(cache.has("/b"));
}

TEST_CASE("there are never more entries than the bound, and the newest is among them") {
  Cache cache(3);
  for (int i = 0; i < 100; i++) {
    const std::string key = "/" + std::to_string(i);
    cache.plans.insert(of(key), plan());
    CHECK(cache.has(key.c_str()));
    CHECK(cache.counters.plan_entries.get() <= 3);
  }
}

TEST_CASE("without hits the oldest goes first") {
  Cache cache(3);
  cache.insert({"/a", "/b", "/c", "/d", "/e"});
  CHECK(!cache.has("/a"));
  CHECK(!cache.has("/b"));
  CHECK(cache.has("/c"));
  CHECK(cache.has("/d"));
  CHECK(cache.has("/e"));
}

TEST_CASE("a plan that was asked for outlives older and newer ones that were not") {
  Cache cache(3);
  cache.insert({"/old", "/hot", "/new"});
  CHECK(cache.has("/hot"));
  cache.insert({"/d", "/e"});
  CHECK(cache.has("/hot"));
  CHECK(!cache.has("/old"));
  CHECK(!cache.has("/new"));
}

TEST_CASE("a plan that is no longer asked for goes before those that are") {
  Cache cache(3);
  cache.insert({"/once", "/b", "/c"});
  CHECK(cache.has("/once"));
  cache.insert({"/d"});  // takes the place of /b; the visit to /once is used up
  CHECK(cache.has("/c"));
  CHECK(cache.has("/d"));
  cache.insert({"/e"});
  CHECK(cache.has("/c"));
  CHECK(cache.has("/d"));
  CHECK(cache.has("/e"));
  CHECK(!cache.has("/once"));
}

TEST_CASE("when all were asked for, one goes all the same") {
  Cache cache(3);
  cache.insert({"/a", "/b", "/c"});
  CHECK(cache.has("/a"));
  CHECK(cache.has("/b"));
  CHECK(cache.has("/c"));
  cache.insert({"/d"});
  CHECK(cache.has("/d"));
  CHECK_EQ(cache.counters.plan_entries.get(), 3);
}

TEST_CASE("a cache with room keeps what it is offered; a full one, what it is offered twice") {
  Cache cache(2);
  CHECK(cache.plans.offer(of("/a"), plan()));
  CHECK(cache.plans.offer(of("/b"), plan()));
  CHECK(!cache.plans.offer(of("/c"), plan()));
  CHECK(cache.has("/a"));
  CHECK(cache.has("/b"));
  CHECK(!cache.has("/c"));
  CHECK(cache.plans.offer(of("/c"), plan()));
  CHECK(cache.has("/c"));
  CHECK_EQ(cache.counters.plan_entries.get(), 2);
}

TEST_CASE("whatever number of plans a full cache is offered once, what it keeps stays") {
  Cache cache(8);
  for (int i = 0; i < 8; i++) cache.plans.offer(of("/kept/" + std::to_string(i)), plan());
  int taken = 0;
  for (int i = 0; i < 1000; i++) taken += cache.plans.offer(of("/once/" + std::to_string(i)), plan());
  CHECK_EQ(taken, 0);
  for (int i = 0; i < 8; i++) CHECK(cache.has(("/kept/" + std::to_string(i)).c_str()));
}

// Bytes that the cache counts for an entry with a key of two bytes.
size_t entry_bytes() {
  Cache cache(4);
  cache.insert({"/a"});
  return cache.counters.plan_bytes.get();
}

TEST_CASE("the bytes that are kept stay within the bound") {
  Cache cache(kMany, 3 * entry_bytes());
  cache.insert({"/a", "/b", "/c"});
  CHECK_EQ(cache.counters.plan_entries.get(), 3);
  cache.insert({"/d"});
  CHECK_EQ(cache.counters.plan_entries.get(), 3);
  CHECK(!cache.has("/a"));
  CHECK(cache.has("/d"));
}

TEST_CASE("a cache whose bytes are used up is full") {
  Cache cache(kMany, 2 * entry_bytes());
  CHECK(cache.plans.offer(of("/a"), plan()));
  CHECK(cache.plans.offer(of("/b"), plan()));
  CHECK(!cache.plans.offer(of("/c"), plan()));
  CHECK(cache.plans.offer(of("/c"), plan()));
  CHECK_EQ(cache.counters.plan_entries.get(), 2);
}

TEST_CASE("a plan larger than the whole cache is not kept and displaces nothing") {
  Cache cache(kMany, 3 * entry_bytes());
  cache.insert({"/a"});
  const auto large = plan();
  large->plan.content_type.assign(3 * entry_bytes(), 'x');
  cache.plans.insert(of("/large"), large);
  CHECK(!cache.has("/large"));
  CHECK(cache.has("/a"));
}

TEST_CASE("a plan that grew counts its new size, and others make room") {
  Cache cache(kMany, 4 * entry_bytes());
  cache.insert({"/a", "/b", "/c", "/d"});
  const auto found = *cache.plans.find(of("/d"));
  auto answer = std::make_unique<Http1Answer>();
  answer->text.assign(2 * entry_bytes(), 'x');
  found->answer = std::move(answer);
  cache.plans.grew(of("/d"));
  CHECK(cache.counters.plan_bytes.get() <= 4 * entry_bytes());
  CHECK(cache.has("/d"));
  CHECK_EQ(cache.counters.plan_entries.get(), 2);
}

TEST_CASE("evicting gives up as many as are wanted, those in use last, and in the end all") {
  Cache cache(4);
  cache.insert({"/a", "/b", "/c", "/d"});
  CHECK(cache.has("/b"));
  CHECK(cache.plans.evict(2));
  CHECK_EQ(cache.counters.plan_entries.get(), 2);
  CHECK(cache.has("/b"));
  CHECK(cache.has("/d"));
  CHECK(cache.plans.evict(64));
  CHECK_EQ(cache.counters.plan_entries.get(), 0);
  CHECK(!cache.plans.evict(1));
  cache.insert({"/e"});
  CHECK(cache.has("/e"));
}

TEST_CASE("a cache that lost all its entries counts nothing") {
  Cache cache(4);
  cache.insert({"/a", "/b", "/c"});
  for (const char* key : {"/b", "/a", "/c"}) cache.plans.erase(of(key));
  CHECK_EQ(cache.counters.plan_entries.get(), 0);
  CHECK_EQ(cache.counters.plan_bytes.get(), 0);
}

// The same calls on a list that is searched from end to end; entries and visited bits must agree at each
// step.
TEST_CASE("the cache evicts as SIEVE does, whatever is inserted, found and erased") {
  struct Plain {
    std::string key;
    bool visited;
  };
  constexpr size_t kEntries = 5;
  Cache cache(kEntries);
  std::vector<Plain> model;  // oldest first
  size_t hand = 0;
  uint32_t random = 1;
  for (int step = 0; step < 20'000; step++) {
    random = random * 1664525 + 1013904223;
    const std::string key = "/" + std::to_string((random >> 8) % 9);
    const auto at = [&] {
      size_t i = 0;
      while (i < model.size() && model[i].key != key) i++;
      return i;
    };
    const auto remove = [&](size_t i) {
      model.erase(model.begin() + static_cast<ptrdiff_t>(i));
      if (hand > i) hand--;
      if (hand >= model.size()) hand = 0;
    };
    const size_t found = at();
    REQUIRE_EQ(cache.has(key.c_str()), found < model.size());
    if (found < model.size()) {
      model[found].visited = true;
      if ((random >> 20) % 8 == 0) {
        cache.plans.erase(of(key));
        remove(found);
      }
      continue;
    }
    cache.plans.insert(of(key), plan());
    model.push_back({key, false});
    while (model.size() > kEntries) {
      if (model[hand].visited || hand + 1 == model.size()) {
        model[hand].visited = false;
        hand = (hand + 1) % model.size();
      } else {
        remove(hand);
      }
    }
  }
}

}  // namespace
}  // namespace sealgate
