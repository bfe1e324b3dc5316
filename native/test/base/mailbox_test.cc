// A mailbox hands each task over once, in order, to the thread that opens it.
#include "base/mailbox.h"

#include <string>
#include <thread>

#include <doctest/doctest.h>
#include "test/readable.h"

namespace sealgate {
namespace {

TEST_CASE("a mailbox is readable exactly while tasks lie in it") {
  Mailbox mailbox;
  CHECK(!readable(mailbox.fd(), 0));
  mailbox.post([] {});
  mailbox.post([] {});
  CHECK(readable(mailbox.fd(), 0));
  mailbox.run();
  CHECK(!readable(mailbox.fd(), 0));
  mailbox.post([] {});
  CHECK(readable(mailbox.fd(), 0));
}

TEST_CASE("tasks run in the order they were posted") {
  Mailbox mailbox;
  std::string order;
  for (const char task : {'a', 'b', 'c'}) mailbox.post([&order, task] { order.push_back(task); });
  mailbox.run();
  CHECK_EQ(order, "abc");
  mailbox.run();
  CHECK_EQ(order, "abc");
}

TEST_CASE("a task posted by a task waits for the next opening, and wakes") {
  Mailbox mailbox;
  int runs = 0;
  mailbox.post([&] {
    runs++;
    mailbox.post([&] { runs++; });
  });
  mailbox.run();
  CHECK_EQ(runs, 1);
  CHECK(readable(mailbox.fd(), 0));
  mailbox.run();
  CHECK_EQ(runs, 2);
}

TEST_CASE("tasks of many threads each run once, on the thread that opens, in order by sender") {
  constexpr int kSenders = 4, kTasks = 5'000;
  Mailbox mailbox;
  std::vector<int> seen(kSenders, 0);
  bool in_order = true;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; sender++) {
    senders.emplace_back([&, sender] {
      for (int task = 0; task < kTasks; task++) {
        mailbox.post([&, sender, task] {
          const auto at = static_cast<size_t>(sender);
          in_order = in_order && seen[at] == task;
          seen[at]++;
        });
      }
    });
  }
  int total = 0;
  while (total < kSenders * kTasks && readable(mailbox.fd(), kPatience)) {
    mailbox.run();
    total = 0;
    for (const int count : seen) total += count;
  }
  for (std::thread& sender : senders) sender.join();
  CHECK_EQ(total, kSenders * kTasks);
  CHECK(in_order);
  CHECK(!readable(mailbox.fd(), 0));
}

}  // namespace
}  // namespace sealgate
