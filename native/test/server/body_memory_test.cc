// The memory for request bodies is counted in all reactors together, and one client never has all of it.
#include "server/body_memory.h"

#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

constexpr size_t kMiB = BodyMemory::kLargestBody;

UploadPlaces::Holder who(const std::string& address, const std::string& token = "") {
  return UploadPlaces::holder(client_at(address), token);
}

std::vector<BodyMemory::Taken> all_for(BodyMemory& memory, const UploadPlaces::Holder& holder, size_t bytes) {
  std::vector<BodyMemory::Taken> taken;
  for (;;) {
    BodyMemory::Taken one = memory.take(holder, bytes);
    if (!one) return taken;
    taken.push_back(std::move(one));
  }
}

TEST_CASE("one client gets three quarters of the memory, and others the rest until there is none") {
  BodyMemory memory(64 * kMiB);
  const auto first = all_for(memory, who("192.0.2.1"), kMiB);
  CHECK_EQ(first.size(), 47);
  const auto second = all_for(memory, who("192.0.2.2"), kMiB);
  const auto third = all_for(memory, who("192.0.2.3"), kMiB);
  CHECK_EQ(second.size(), 8);
  CHECK_EQ(third.size(), 8);
  CHECK(!memory.take(who("192.0.2.4"), kMiB));
  CHECK(memory.take(who("192.0.2.4"), 100));  // what is left is enough for a small one
}

TEST_CASE("what has ended is there for others, on whichever thread it ends") {
  BodyMemory memory(8 * kMiB);
  for (int i = 0; i < 3; i++) {
    auto taken = all_for(memory, who("192.0.2.1"), kMiB / 2);
    CHECK_EQ(taken.size(), 11);
    std::jthread([ended = std::move(taken)] {});
  }
}

TEST_CASE("taken_bytes() is the sum of the parts that are held, and 0 when all have ended") {
  BodyMemory memory(8 * kMiB);
  CHECK_EQ(memory.most_bytes(), 8 * kMiB);
  CHECK_EQ(memory.taken_bytes(), 0);
  {
    const BodyMemory::Taken large = memory.take(who("192.0.2.1"), kMiB);
    const BodyMemory::Taken empty = memory.take(who("192.0.2.2"), 0);
    CHECK_EQ(memory.taken_bytes(), kMiB + 4096 + 4096);
  }
  CHECK_EQ(memory.taken_bytes(), 0);
}

TEST_CASE("an empty body counts too") {
  BodyMemory memory(kMiB);
  CHECK_EQ(all_for(memory, who("192.0.2.1"), 0).size(), 192);
}

}  // namespace
}  // namespace sealgate
