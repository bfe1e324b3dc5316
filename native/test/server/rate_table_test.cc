// How much of its rate a client gets, at once and in the long run, alone and among many.
#include "server/rate_table.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sealgate {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr size_t kSmall = 64;  // slots

uint64_t key_of(uint64_t number) { return (number + 1) * 0x9e3779b97f4a7c15; }

// How many of `tries` at this time are let through.
size_t taken(RateTable& table, uint64_t key, const Rate& rate, size_t tries, int64_t now) {
  size_t out = 0;
  for (size_t i = 0; i < tries; i++) out += table.take(key, rate, now) == 0 ? 1 : 0;
  return out;
}

TEST_CASE("a burst is let through at once, and then as many as have become due") {
  RateTable table(kSmall);
  const Rate rate{10, 20};
  CHECK(taken(table, 7, rate, 100, 5 * kSecond) == 20);
  CHECK(taken(table, 7, rate, 100, 5 * kSecond) == 0);
  CHECK(taken(table, 7, rate, 100, 6 * kSecond) == 10);
  CHECK(taken(table, 7, rate, 100, 6 * kSecond + kSecond / 10) == 1);
  CHECK(taken(table, 7, rate, 100, 100 * kSecond) == 20);
}

TEST_CASE("who waits as long as it is told is let through, and not a nanosecond before") {
  RateTable table(kSmall);
  const Rate rate{4, 3};
  CHECK(taken(table, 7, rate, 3, kSecond) == 3);
  const int64_t wait = table.take(7, rate, kSecond);
  CHECK(wait == kSecond / 4);
  CHECK(table.take(7, rate, kSecond + wait - 1) == 1);
  CHECK(table.take(7, rate, kSecond + wait) == 0);
}

TEST_CASE("in the long run it is the rate, however the requests come") {
  RateTable table(kSmall);
  const Rate rate{3, 5};
  size_t out = 0;
  for (int64_t at = 0; at < 100 * kSecond; at += 10'000'000) out += taken(table, 7, rate, 2, kSecond + at);
  CHECK(out >= 3 * 100 + 4);
  CHECK(out <= 3 * 100 + 5);
}

TEST_CASE(
    "clients have each their own, also more of them than there are slots: none is refused for another") {
  RateTable table(kSmall);
  const Rate rate{1, 3};
  for (uint64_t client = 0; client < 50 * kSmall; client++)
    CHECK(taken(table, key_of(client), rate, 3, kSecond) == 3);
  // The last is still known: a flood of others makes forget, and nothing else.
  CHECK(taken(table, key_of(50 * kSmall - 1), rate, 3, kSecond) == 0);
}

TEST_CASE("several threads share one limit, while others fill the table") {
  RateTable table(size_t{1} << 12);
  const Rate rate{0.001, 1000};
  std::atomic<size_t> out{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&, i] {
      size_t mine = 0;
      for (uint64_t n = 0; n < 2000; n++) {
        mine += taken(table, key_of(1), rate, 1, kSecond);
        const uint64_t other = key_of(2 + n % 100 + 100 * static_cast<uint64_t>(i));
        if (n < 100) CHECK(taken(table, other, rate, 1, kSecond) == 1);
      }
      out += mine;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(out == 1000);
}

TEST_CASE("what is charged at once is let through, and makes a debt for as long as it takes at the rate") {
  RateTable table(kSmall);
  const Rate rate{10, 20};
  CHECK(table.debt(7, rate, kSecond) == 0);
  table.charge(7, rate, 19, kSecond);
  CHECK(table.debt(7, rate, kSecond) == 0);
  table.charge(7, rate, 101, kSecond);
  CHECK(table.debt(7, rate, kSecond) == 10 * kSecond + 1);
  CHECK(table.debt(7, rate, 11 * kSecond) == 1);
  CHECK(table.debt(7, rate, 11 * kSecond + 1) == 0);
  CHECK(table.debt(8, rate, kSecond) == 0);
}

TEST_CASE("no charge is too large to be counted, and none is remembered for ever") {
  RateTable table(kSmall);
  const Rate slow{1.0 / 86'400, 1};
  for (int i = 0; i < 3; i++) table.charge(7, slow, 1e18, kSecond);
  CHECK(table.debt(7, slow, kSecond) == int64_t{365} * 86'400 * kSecond + 1);
}

TEST_CASE("a flood of others, more than there are slots, does not make forget who owes") {
  RateTable table(kSmall);
  const Rate rate{10, 20};
  table.charge(key_of(0), rate, 1000, kSecond);
  for (uint64_t client = 1; client < 50 * kSmall; client++) table.charge(key_of(client), rate, 1, kSecond);
  CHECK(table.debt(key_of(0), rate, kSecond) > 0);
}

}  // namespace
}  // namespace sealgate
