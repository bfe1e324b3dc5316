// Clients take turns at the application: one that asks for much takes three quarters of its places, and waits
// for its own requests alone.
#include "server/application_turns.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

namespace sealgate {
namespace {

ApplicationEvent request(uint64_t id) {
  return {0, RequestEvent{id, 1, 0, "GET", "/", "", "a", false, "", "", ""}};
}

// The ids of those that are asked now, in order.
std::string asked(ApplicationTurns& turns) {
  std::string ids;
  while (auto next = turns.next()) {
    CHECK(turns.take(next->first));
    ids += std::to_string(std::get<RequestEvent>(next->second.what).request) + ' ';
  }
  return ids;
}

size_t taken_by(ApplicationTurns& turns, size_t client) {
  size_t taken = 0;
  while (turns.take(client)) taken++;
  return taken;
}

TEST_CASE("requests that nobody waits for any more are dropped before there are many") {
  ApplicationTurns turns(1);
  REQUIRE(turns.take(1));
  size_t looks = 0, most = 0;
  const auto is_over = [&looks](const ApplicationEvent& each) {
    looks++;
    return std::get<RequestEvent>(each.what).request % 100 != 0;
  };
  constexpr size_t kAll = 100'000;
  for (size_t id = 1; id <= kAll; id++) {
    turns.add(id % 7, request(id));
    turns.forget_if_many(is_over);
    most = std::max(most, turns.count());
  }
  CHECK_LE(most, 2 * kAll / 100 + 1024);
  CHECK_LE(looks, 3 * kAll);
  turns.leave(1);
  size_t left = 0;
  for (auto next = turns.next(); next; next = turns.next())
    if (std::get<RequestEvent>(next->second.what).request % 100 == 0) left++;
  CHECK_EQ(left, kAll / 100);
  CHECK_EQ(turns.count(), 0);
  CHECK(turns.nobody_waits());
}

TEST_CASE("one client takes three quarters of the places, and another is asked at once") {
  ApplicationTurns turns(64);
  CHECK_EQ(taken_by(turns, 1), 48);
  turns.add(1, request(10));
  CHECK_EQ(asked(turns), "");
  turns.add(2, request(20));
  CHECK_EQ(asked(turns), "20 ");
}

TEST_CASE("clients take turns, each in its own order") {
  ApplicationTurns turns(64);
  for (uint64_t id : {10, 11, 12}) turns.add(1, request(id));
  for (uint64_t id : {20, 21}) turns.add(2, request(id));
  turns.add(3, request(30));
  CHECK_EQ(asked(turns), "10 20 30 11 21 12 ");
  CHECK(turns.nobody_waits());
}

TEST_CASE("a place that one leaves goes to its next request") {
  ApplicationTurns turns(64);
  taken_by(turns, 1);
  for (uint64_t id : {10, 11}) turns.add(1, request(id));
  turns.leave(1);
  CHECK_EQ(asked(turns), "10 ");
  turns.leave(1);
  CHECK_EQ(asked(turns), "11 ");
}

TEST_CASE("when all places are taken, nobody is asked") {
  ApplicationTurns turns(2);
  CHECK_EQ(taken_by(turns, 1), 2);
  turns.add(2, request(20));
  CHECK_EQ(asked(turns), "");
  turns.leave(1);
  CHECK_EQ(asked(turns), "20 ");
}

TEST_CASE("a request that nobody waits for any more takes no place") {
  ApplicationTurns turns(1);
  for (uint64_t id : {10, 11}) turns.add(1, request(id));
  CHECK(turns.next().has_value());
  CHECK_EQ(asked(turns), "11 ");
}

}  // namespace
}  // namespace sealgate
